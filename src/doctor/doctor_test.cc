#include "doctor/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/files.h"

namespace consort {
namespace {

using testing::HasSubstr;
using Level = Diagnosis::Level;

// A tree of files that stands for a host, and a user who owns none of them.
class DoctorTest : public testing::Test {
 protected:
  void Add(const std::string& path, const std::string& content = "", mode_t mode = 0666) {
    const std::filesystem::path file = folder_.path() / path.substr(1);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content << "\n";
    chmod(file.c_str(), mode);
  }

  void AddCoralUsb(const std::string& speed) {
    Add("/sys/bus/usb/devices/2-1/idVendor", "18d1");
    Add("/sys/bus/usb/devices/2-1/idProduct", "9302");
    Add("/sys/bus/usb/devices/2-1/speed", speed);
    Add("/sys/bus/usb/devices/2-1/busnum", "2");
    Add("/sys/bus/usb/devices/2-1/devnum", "7");
    Add("/usr/lib/x86_64-linux-gnu/libedgetpu.so.1");
  }

  void AddPci(const std::string& address, const std::string& vendor, const std::string& device,
              const std::string& pci_class) {
    Add("/sys/bus/pci/devices/" + address + "/vendor", vendor);
    Add("/sys/bus/pci/devices/" + address + "/device", device);
    Add("/sys/bus/pci/devices/" + address + "/class", pci_class);
  }

  void AddHolder(const std::string& pid, const std::string& command, const std::string& path) {
    Add("/proc/" + pid + "/comm", command);
    std::filesystem::create_directories(folder_.path() / "proc" / pid / "fd");
    std::filesystem::create_symlink(path, folder_.path() / "proc" / pid / "fd" / "5");
  }

  // The lines about subjects that start with `subject`.
  std::vector<Diagnosis> Lines(const std::string& subject) {
    std::vector<Diagnosis> lines = DiagnoseHost(Host(folder_.path(), {.uid = 54321, .groups = {54321}}));
    std::erase_if(lines, [&](const Diagnosis& line) { return !line.subject.starts_with(subject); });
    return lines;
  }

  // The one line about that subject and of that level.
  Diagnosis Line(const std::string& subject, Level level) {
    std::vector<Diagnosis> lines = Lines(subject);
    std::erase_if(lines, [&](const Diagnosis& line) { return line.level != level; });
    EXPECT_EQ(lines.size(), 1u) << subject;
    return lines.empty() ? Diagnosis{} : lines.front();
  }

  TemporaryFolder folder_;
};

TEST_F(DoctorTest, AnEmptyHostHasNoDevicesAndNoProblems) {
  for (const Diagnosis& line : Lines("")) {
    EXPECT_NE(line.level, Level::kProblem) << line.message;
    EXPECT_THAT(line.subject, testing::AnyOf("system", "cpu"));
  }
}

TEST_F(DoctorTest, ThisHostIsReadWithoutAnError) { EXPECT_GE(DiagnoseHost(Host()).size(), 2u); }

TEST_F(DoctorTest, ProcessorNamesItsInstructionSets) {
  Add("/proc/cpuinfo", "processor : 0\nmodel name : Xeon\nflags : fpu avx2 avx512f avx512_vnni amx_int8 amx_bf16");
  EXPECT_EQ(Line("cpu", Level::kOk).message, "Xeon: AMX int8, AMX bf16, AVX-512 VNNI, AVX-512, AVX2");
}

TEST_F(DoctorTest, ArmProcessorHasFeatures) {
  Add("/proc/cpuinfo", "processor : 0\nFeatures : fp asimd asimddp i8mm");
  EXPECT_EQ(Line("cpu", Level::kOk).message, "processor: I8MM, dot product, NEON");
}

TEST_F(DoctorTest, QuotaAndGovernorDisturbMeasurements) {
  Add("/proc/cpuinfo", "model name : Xeon\nflags : avx2");
  Add("/sys/fs/cgroup/cpu.max", "150000 100000");
  EXPECT_THAT(Line("cpu", Level::kNote).message, HasSubstr("a quota of 1.50 CPUs"));
  Add("/sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(Lines("cpu").size(), 1u);
  Add("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave");
  EXPECT_THAT(Line("cpu", Level::kNote).remedy, HasSubstr("cpupower"));
}

TEST_F(DoctorTest, WslAndContainers) {
  Add("/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2");
  EXPECT_THAT(Line("system", Level::kNote).remedy, HasSubstr("usbipd attach"));
  Add("/proc/sys/kernel/osrelease", "6.1.0-18-amd64");
  EXPECT_EQ(Lines("system").size(), 1u);
  Add("/.dockerenv");
  EXPECT_THAT(Line("system", Level::kNote).message, HasSubstr("container"));
}

TEST_F(DoctorTest, CoralUsbThatWorks) {
  AddCoralUsb("5000");
  Add("/dev/bus/usb/002/007");
  EXPECT_EQ(Lines("edgetpu").size(), 1u);
  EXPECT_THAT(Line("edgetpu usb 2-1", Level::kOk).message, HasSubstr("/dev/bus/usb/002/007"));
}

TEST_F(DoctorTest, CoralUsbAtUsb2Speed) {
  AddCoralUsb("480");
  Add("/dev/bus/usb/002/007");
  EXPECT_THAT(Line("edgetpu", Level::kNote).message, HasSubstr("480 Mbit/s"));
}

TEST_F(DoctorTest, CoralUsbWithoutPermission) {
  AddCoralUsb("5000");
  Add("/dev/bus/usb/002/007", "", 0600);
  const Diagnosis line = Line("edgetpu", Level::kProblem);
  EXPECT_THAT(line.message, HasSubstr("no permission to use /dev/bus/usb/002/007"));
  EXPECT_THAT(line.remedy, HasSubstr("65-edgetpu.rules"));
}

TEST_F(DoctorTest, CoralUsbWithoutNodeInAContainer) {
  AddCoralUsb("5000");
  Add("/.dockerenv");
  EXPECT_THAT(Line("edgetpu", Level::kProblem).remedy, HasSubstr("--device /dev/bus/usb/002/007"));
}

TEST_F(DoctorTest, CoralUsbHeldByAnotherProcess) {
  AddCoralUsb("5000");
  Add("/dev/bus/usb/002/007");
  AddHolder("4242", "classify", "/dev/bus/usb/002/007");
  const Diagnosis line = Line("edgetpu", Level::kProblem);
  EXPECT_THAT(line.message, HasSubstr("held by process 4242 (classify)"));
  EXPECT_EQ(line.remedy, "end that process: kill 4242");
}

TEST_F(DoctorTest, CoralUsbWithoutItsLibrary) {
  AddCoralUsb("5000");
  Add("/dev/bus/usb/002/007");
  std::filesystem::remove(folder_.path() / "usr/lib/x86_64-linux-gnu/libedgetpu.so.1");
  EXPECT_THAT(Line("edgetpu", Level::kProblem).message, HasSubstr("libedgetpu.so.1"));
}

TEST_F(DoctorTest, OtherUsbDevicesAreLeftAlone) {
  Add("/sys/bus/usb/devices/1-1/idVendor", "18d1");
  Add("/sys/bus/usb/devices/1-1/idProduct", "4ee7");
  EXPECT_TRUE(Lines("edgetpu").empty());
}

TEST_F(DoctorTest, CoralPcieWithoutDriverThenWithoutPermission) {
  AddPci("0000:01:00.0", "0x1ac1", "0x089a", "0x0880ff");
  EXPECT_THAT(Line("edgetpu pcie", Level::kProblem).remedy, HasSubstr("gasket-dkms"));
  Add("/usr/lib/libedgetpu.so.1");
  Add("/dev/apex_0", "", 0660);
  EXPECT_THAT(Line("edgetpu pcie apex_0", Level::kProblem).message, HasSubstr("no permission to use /dev/apex_0"));
  chmod((folder_.path() / "dev/apex_0").c_str(), 0666);
  EXPECT_THAT(Line("edgetpu pcie apex_0", Level::kOk).message, HasSubstr("/dev/apex_0"));
}

TEST_F(DoctorTest, NvidiaDriver) {
  AddPci("0000:02:00.0", "0x10de", "0x2684", "0x030000");
  EXPECT_THAT(Line("nvidia", Level::kProblem).message, HasSubstr("driver is not loaded"));
  Add("/proc/driver/nvidia/version",
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\nGCC version");
  Add("/dev/nvidiactl");
  Add("/dev/nvidia0");
  EXPECT_EQ(Line("nvidia", Level::kOk).message, "driver 550.54.14");
  chmod((folder_.path() / "dev/nvidia0").c_str(), 0600);
  EXPECT_THAT(Line("nvidia", Level::kProblem).message, HasSubstr("/dev/nvidia0"));
}

TEST_F(DoctorTest, RenderNodesAndNpus) {
  Add("/dev/dri/renderD128", "", 0660);
  EXPECT_THAT(Line("gpu", Level::kProblem).remedy, HasSubstr("usermod -aG"));
  Add("/dev/accel/accel0");
  EXPECT_THAT(Line("npu", Level::kOk).message, HasSubstr("/dev/accel/accel0"));
}

TEST_F(DoctorTest, IntelGpuWithoutNodes) {
  AddPci("0000:00:02.0", "0x8086", "0x46a6", "0x030000");
  EXPECT_THAT(Line("gpu", Level::kNote).message, HasSubstr("no /dev/dri"));
}

TEST_F(DoctorTest, BrokenFilesAreAbsentFiles) {
  Add("/sys/bus/usb/devices/2-1/idVendor", "18d1");
  std::filesystem::create_directories(folder_.path() / "sys/bus/usb/devices/2-1/idProduct");
  Add("/sys/fs/cgroup/cpu.max", "x y");
  Add("/proc/cpuinfo", "flags");
  EXPECT_TRUE(Lines("edgetpu").empty());
  EXPECT_EQ(Lines("cpu").size(), 1u);
}

}  // namespace
}  // namespace consort
