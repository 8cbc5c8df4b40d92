"""One framework tried: ``PYTHON -c SOURCE FRAMEWORK FILE``. Each step is appended to FILE, a line of JSON.

This runs in a child process, by the interpreter of the environment that is looked at: the standard library
and the framework are all there is, and the syntax is that of Python 3.8.
"""

import json
import sys
import time
from importlib import import_module
from typing import Any

SIDE = 64
"""The kernel multiplies two matrices of ones of this side: each element of the product is the side."""


class Report:
    """Says each step before the next begins, so that what hangs or crashes has a name."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._start = time.perf_counter()

    def say(self, step: str, **what: Any) -> None:
        """Append a line; ``seconds`` since the start where nothing else is given."""
        what.setdefault("seconds", time.perf_counter() - self._start)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **what}) + "\n")

    def kernel(self, device: str, name: str, run: Any) -> None:
        """Run the kernel on a device, and say how that went."""
        self.say("begin", device=device, name=name)
        start = time.perf_counter()
        try:
            product = float(run())
        except Exception as error:  # noqa: BLE001 - a framework's failure is what is looked for
            self.say("kernel", device=device, name=name, ok=False, error=_words(error), seconds=None)
            return
        right = abs(product - SIDE**3) < 1
        wrong = "" if right else "the product is %r, not %r" % (product, SIDE**3)  # noqa: UP031
        self.say(
            "kernel", device=device, name=name, ok=right, error=wrong, seconds=time.perf_counter() - start
        )


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:600]
    return "%s: %s" % (type(error).__name__, text)  # noqa: UP031


def torch(report: Report) -> None:
    """CUDA and ROCm (both called cuda), Intel's xpu, Apple's mps, the CPU."""
    torch: Any = import_module("torch")

    report.say("imported", version=torch.__version__)
    devices = []
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            devices.append(("cuda:%d" % number, torch.cuda.get_device_name(number)))  # noqa: UP031
        _say_what_lacks_code(torch, report)
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available():
        for number in range(xpu.device_count()):
            devices.append(("xpu:%d" % number, xpu.get_device_name(number)))  # noqa: UP031
    mps = getattr(getattr(torch, "backends", None), "mps", None)
    if mps is not None and mps.is_available():
        devices.append(("mps", "Apple GPU"))
    if not devices:
        report.say("no-gpu", why=_why_no_cuda(torch))
    for device, name in [*devices, ("cpu", "CPU")]:

        def run(device: str = device) -> float:
            ones = torch.ones(SIDE, SIDE, device=device)
            return float((ones @ ones).sum().item())

        report.kernel(device, name, run)


def _say_what_lacks_code(torch: Any, report: Report) -> None:
    """The NVIDIA GPUs for which torch has neither machine code nor PTX, even if its libraries have some."""
    try:
        archs = [arch for arch in torch.cuda.get_arch_list() if arch.startswith(("sm_", "compute_"))]
        for number in range(torch.cuda.device_count() if archs else 0):
            major, minor = torch.cuda.get_device_capability(number)
            if not runs_on(archs, int(major), int(minor)):
                needs = "sm_%d%d" % (major, minor)  # noqa: UP031
                report.say("no-code", device="cuda:%d" % number, needs=needs, archs=" ".join(archs))  # noqa: UP031
    except Exception as error:  # noqa: BLE001 - older torch has no such list
        report.say("no-archs", error=_words(error))


def runs_on(archs: "list[str]", major: int, minor: int) -> bool:
    """CUDA's rule: machine code runs on its own major, if the minor is no lower; PTX on all that is newer.

    Code for an architecture with the letter a runs there alone, with f on later minors of its major, too
    (CUDA C++ Programming Guide, "Compute Capabilities").
    """
    for arch in archs:
        kind, _, number = arch.partition("_")
        digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
        if not (digits.isascii() and digits.isdigit()) or not 2 <= len(digits) <= 6:
            continue
        built = int(digits[:-1]), int(digits[-1])
        if digits != number:
            runs = built == (major, minor) or (
                number.endswith("f") and built[0] == major and built[1] <= minor
            )
        elif kind == "sm":
            runs = built[0] == major and built[1] <= minor
        else:
            runs = built <= (major, minor)
        if runs:
            return True
    return False


def _why_no_cuda(torch: Any) -> str:
    """What CUDA itself says, where torch was built for it."""
    try:
        if torch.version.cuda or torch.version.hip:
            torch.cuda.init()
    except Exception as error:  # noqa: BLE001
        return _words(error)
    return ""


def jax(report: Report) -> None:
    """Every device of every platform that JAX has."""
    jax: Any = import_module("jax")

    report.say("imported", version=jax.__version__)
    numpy: Any = import_module("jax.numpy")

    devices = list(jax.devices())
    if all(device.platform == "cpu" for device in devices):
        report.say("no-gpu", why="")
    else:
        devices += jax.devices("cpu")
    for device in devices:

        def run(device: Any = device) -> float:
            ones = jax.device_put(numpy.ones((SIDE, SIDE)), device)
            return float((ones @ ones).sum())

        report.kernel(
            "%s:%d" % (device.platform, device.id),  # noqa: UP031
            getattr(device, "device_kind", ""),
            run,
        )


def tensorflow(report: Report) -> None:
    """The physical devices that TensorFlow lists."""
    tensorflow: Any = import_module("tensorflow")

    report.say("imported", version=tensorflow.__version__)
    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        report.say("no-gpu", why="")
    for device in [*gpus, *tensorflow.config.list_physical_devices("CPU")]:
        name = device.name.partition("physical_device:")[2]

        def run(name: str = name) -> float:
            with tensorflow.device("/" + name):
                ones = tensorflow.ones((SIDE, SIDE))
                return float(tensorflow.reduce_sum(tensorflow.matmul(ones, ones)))

        report.kernel(name.lower(), "", run)


def onnxruntime(report: Report) -> None:
    """Each execution provider that can be asked for alone; it falls back to the CPU without an error."""
    numpy: Any = import_module("numpy")
    onnxruntime: Any = import_module("onnxruntime")

    report.say("imported", version=onnxruntime.__version__)
    available = onnxruntime.get_available_providers()
    provided = [name for name in available if name in PROVIDERS]
    if not [name for name in provided if name != "CPUExecutionProvider"]:
        report.say("no-gpu", why="")
    for provider in provided:

        def run(provider: str = provider) -> float:
            session = onnxruntime.InferenceSession(_model(), providers=[provider])
            if provider not in session.get_providers():
                raise RuntimeError("it fell back to %s" % ", ".join(session.get_providers()))  # noqa: UP031
            ones = numpy.ones((SIDE, SIDE), dtype=numpy.float32)
            return float(session.run(None, {"x": ones})[0].sum())

        report.kernel(PROVIDERS[provider], provider, run)


PROVIDERS = {
    "CUDAExecutionProvider": "cuda:0",
    "ROCMExecutionProvider": "rocm:0",
    "MIGraphXExecutionProvider": "migraphx:0",
    "DmlExecutionProvider": "dml:0",
    "CPUExecutionProvider": "cpu",
}
"""Those of ONNX Runtime's providers that need no more than the package -> the device."""


def _model() -> bytes:
    """An ONNX model of one MatMul, as protocol buffers encode it (onnx.proto, IR version 8, opset 13)."""

    def field(number: int, content: Any) -> bytes:
        if isinstance(content, int):
            return bytes([number << 3]) + _varint(content)
        data: bytes = content.encode() if isinstance(content, str) else content
        return bytes([number << 3 | 2]) + _varint(len(data)) + data

    side = field(1, field(1, SIDE))
    matrix = field(2, field(1, field(1, 1) + field(2, side + side)))
    node = field(1, "x") + field(1, "x") + field(2, "y") + field(4, "MatMul")
    graph = field(1, node) + field(2, "trial")
    graph += field(11, field(1, "x") + matrix) + field(12, field(1, "y") + matrix)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def _varint(number: int) -> bytes:
    data = []
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


def cupy(report: Report) -> None:
    """Every device of the runtime that CuPy was built for."""
    cupy: Any = import_module("cupy")

    report.say("imported", version=cupy.__version__)
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # noqa: BLE001
        report.say("no-gpu", why=_words(error))
        return
    if not count:
        report.say("no-gpu", why="")
    for number in range(count):
        name = cupy.cuda.runtime.getDeviceProperties(number).get("name", b"")

        def run(number: int = number) -> float:
            with cupy.cuda.Device(number):
                ones = cupy.ones((SIDE, SIDE))
                return float((ones @ ones).sum())

        report.kernel("cuda:%d" % number, name.decode() if isinstance(name, bytes) else str(name), run)  # noqa: UP031


TRIALS = {"torch": torch, "jax": jax, "tensorflow": tensorflow, "onnxruntime": onnxruntime, "cupy": cupy}


def main(framework: str, path: str) -> None:
    """Try one framework."""
    # With -c the working folder comes first, and a torch.py there would be tried in the framework's place.
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    report = Report(path)
    report.say("started")
    try:
        TRIALS[framework](report)
    except Exception as error:  # noqa: BLE001
        report.say("failed", error=_words(error))
        raise SystemExit(1) from None
    report.say("finished")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
