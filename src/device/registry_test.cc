#include "consort/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/backend.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class StubBackend : public Backend {
 public:
  StubBackend(std::string name, std::vector<std::string> devices) : name_(std::move(name)), devices_(std::move(devices)) {}
  std::string_view name() const override { return name_; }
  std::vector<std::string> devices() const override { return devices_; }
  std::vector<DeviceFinding> Find() override { return {{.info = {.name = name_}}}; }
  std::vector<Diagnosis> Diagnose() override { return {{.subject = name_}}; }
  std::shared_ptr<Device> Open(const Target& target, const OpenOptions&) override {
    throw Error(ErrorCode::kUnsupported, name_ + " opens " + target.ToString());
  }

 private:
  std::string name_;
  std::vector<std::string> devices_;
};

Registry Two() {
  Registry registry;
  registry.Add(std::make_unique<StubBackend>("first", std::vector<std::string>{"cpu"}));
  registry.Add(std::make_unique<StubBackend>("second", std::vector<std::string>{"cpu", "gpu"}));
  return registry;
}

TEST(Registry, TheFirstBackendIsTheDefault) {
  const Registry registry = Two();
  EXPECT_EQ(registry.Resolve(Target::Parse("cpu:0/fp16")).ToString(), "cpu:0@first/fp16");
  EXPECT_EQ(registry.Resolve(Target::Parse("gpu")).backend, "second");
  EXPECT_EQ(registry.Resolve(Target::Parse("cpu@second")).backend, "second");
}

TEST(Registry, UnknownNamesListTheValidOnes) {
  const Registry registry = Two();
  EXPECT_THAT([&] { registry.Resolve(Target::Parse("tpu")); }, ThrowsMessage<Error>(HasSubstr("valid are cpu, gpu")));
  EXPECT_THAT([&] { registry.Resolve(Target::Parse("cpu@third")); }, ThrowsMessage<Error>(HasSubstr("valid are first, second")));
}

TEST(Registry, OpensThroughTheBackend) {
  const Registry registry = Two();
  EXPECT_THAT([&] { registry.Open(Target::Parse("gpu:1")); }, ThrowsMessage<Error>(HasSubstr("second opens gpu:1@second")));
}

TEST(Registry, AsksEveryBackend) {
  const Registry registry = Two();
  EXPECT_EQ(registry.Find().size(), 2u);
  EXPECT_EQ(registry.Diagnose().size(), 2u);
}

}  // namespace
}  // namespace consort
