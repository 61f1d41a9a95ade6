// Logs in the form that Coral's compiler writes them, for tests.
#ifndef CONSORT_EDGETPU_TEST_LOGS_H_
#define CONSORT_EDGETPU_TEST_LOGS_H_

namespace consort::test {

inline constexpr char kPartlyMapped[] =
    "Edge TPU Compiler version 16.0.384591198\n"
    "Started a compilation timeout timer of 180 seconds.\n"
    "\n"
    "Model compiled successfully in 1524 ms.\n"
    "\n"
    "Input model: edgetpu.tflite\n"
    "Input size: 9.24MiB\n"
    "Output model: edgetpu_edgetpu.tflite\n"
    "Output size: 9.57MiB\n"
    "On-chip memory used for caching model parameters: 7.00MiB\n"
    "On-chip memory remaining for caching model parameters: 1.75KiB\n"
    "Off-chip memory used for streaming uncached model parameters: 0.00B\n"
    "Number of Edge TPU subgraphs: 1\n"
    "Total number of operations: 108\n"
    "Operation log: edgetpu_edgetpu.log\n"
    "\n"
    "Model successfully compiled but not all operations are supported by the Edge TPU.\n"
    "Number of operations that will run on Edge TPU: 105\n"
    "Number of operations that will run on CPU: 3\n"
    "\n"
    "Operator                       Count      Status\n"
    "\n"
    "CONV_2D                        104        Mapped to Edge TPU\n"
    "RESHAPE                        1          Mapped to Edge TPU\n"
    "CONV_2D                        2          More than one subgraph is not supported\n"
    "QUANTIZE                       1          Operation is otherwise supported, but not mapped due to some "
    "unspecified limitation\n"
    "Compilation child process completed within timeout period.\n"
    "Compilation succeeded! \n";

inline constexpr char kInvalidModel[] =
    "Edge TPU Compiler version 16.0.384591198\n"
    "ERROR: Invalid model: edgetpu.tflite\n"
    "Model not quantized\n"
    "Compilation child process completed within timeout period.\n"
    "Compilation failed!\n";

}  // namespace consort::test

#endif  // CONSORT_EDGETPU_TEST_LOGS_H_
