#include "tflite/layout.h"

#include <algorithm>
#include <numeric>

namespace consort::tflite {
namespace {

// Axes larger than 1, as they follow one another in memory; each by its number among the axes larger than 1.
std::vector<int> Significant(const Arrangement& arrangement) {
  std::vector<int> number(arrangement.shape.size(), 0);
  int count = 0;
  for (size_t axis = 0; axis < number.size(); ++axis) number[axis] = arrangement.shape[axis] == 1 ? -1 : count++;
  std::vector<int> significant;
  for (const int axis : arrangement.order) {
    if (number[static_cast<size_t>(axis)] >= 0) significant.push_back(number[static_cast<size_t>(axis)]);
  }
  return significant;
}

Shape WithoutOnes(Shape shape) {
  shape.erase(std::remove(shape.begin(), shape.end(), 1), shape.end());
  return shape;
}

}  // namespace

Order PlainOrder(size_t rank) {
  Order order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Order ChannelsLast(size_t rank) {
  Order order = PlainOrder(rank);
  if (rank >= 3) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}

Shape InOrder(const Shape& shape, const Order& order) {
  Shape sizes;
  for (const int axis : order) sizes.push_back(shape[static_cast<size_t>(axis)]);
  return sizes;
}

int PlaceOf(const Order& order, int axis) {
  return static_cast<int>(std::find(order.begin(), order.end(), axis) - order.begin());
}

bool IsPlain(const Arrangement& arrangement) {
  const std::vector<int> significant = Significant(arrangement);
  return std::is_sorted(significant.begin(), significant.end());
}

bool SameInMemory(const Shape& shape, const Order& a, const Order& b) {
  return Significant({shape, a}) == Significant({shape, b});
}

std::optional<Order> OrderFor(const Arrangement& arrangement, const Shape& shape) {
  if (arrangement.shape == shape) return arrangement.order;
  if (WithoutOnes(arrangement.shape) != WithoutOnes(shape)) return std::nullopt;
  const std::vector<int> significant = Significant(arrangement);
  for (const Order& usual : {ChannelsLast(shape.size()), PlainOrder(shape.size())}) {
    if (Significant({shape, usual}) == significant) return usual;
  }
  std::vector<int> axes;  // those larger than 1
  Order order;            // the others come first
  for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
    (shape[static_cast<size_t>(axis)] == 1 ? order : axes).push_back(axis);
  }
  for (const int number : significant) order.push_back(axes[static_cast<size_t>(number)]);
  return order;
}

}  // namespace consort::tflite
