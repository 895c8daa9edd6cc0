# Runs a Python function: asks the gateway for events by the AWS Lambda Runtime API and calls the handler with each.
import http.client, importlib, json, logging, os, sys, time, traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
ROOT = os.environ["LAMBDA_TASK_ROOT"]
BASE = "/2018-06-01/runtime/"


class Identity:
    cognito_identity_id = cognito_identity_pool_id = None


class Context:
    client_context = tenant_id = None

    def __init__(self, headers):
        self.identity = Identity()
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, msg):
        sys.stdout.write(str(msg))


def failure(error, kind=None):
    trace = traceback.format_list(traceback.extract_tb(error.__traceback__))
    try:
        message = str(error)
    except Exception:
        message = "an error that cannot be told"
    return {"errorMessage": message, "errorType": kind or type(error).__name__, "stackTrace": trace}


def post(connection, path, body, kind=None):
    headers = {"Content-Type": "application/json"}
    if kind:
        headers["Lambda-Runtime-Function-Error-Type"] = "".join(c for c in kind if c.isascii() and (c.isalnum() or c in "._"))
    connection.request("POST", BASE + path, body, headers)
    connection.getresponse().read()


def load():
    file, _, name = os.environ["_HANDLER"].rpartition(".")
    sys.path.insert(0, ROOT)
    try:
        module = importlib.import_module(file.replace("/", "."))
    except ImportError as error:
        return None, failure(error, "Runtime.ImportModuleError")
    except SyntaxError as error:
        return None, failure(error, "Runtime.UserCodeSyntaxError")
    except Exception as error:
        return None, failure(error)
    handler = getattr(module, name, None)
    if not callable(handler):
        return None, {"errorMessage": "there is no function %s in %s" % (name, file), "errorType": "Runtime.HandlerNotFound", "stackTrace": []}
    return handler, None


def number(value):
    decimal = sys.modules.get("decimal")
    if decimal and isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("a result cannot hold a value of type " + type(value).__name__)


def prepare_log():
    # As in AWS there is a handler before the function is loaded, so that it only has to choose a level.
    def known(record):
        record.aws_request_id = Context.current
        return True

    Context.current = ""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    handler.addFilter(known)
    logging.getLogger().addHandler(handler)


def main():
    limit = int(sys.argv[1])
    if limit:
        import resource
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    prepare_log()
    os.environ.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_python%d.%d" % sys.version_info[:2])
    sys.argv = [os.environ["_HANDLER"]]
    connection = http.client.HTTPConnection(API)
    handler, wrong = load()
    if wrong:
        post(connection, "init/error", json.dumps(wrong), wrong["errorType"])
        sys.exit(1)
    while True:
        connection.request("GET", BASE + "invocation/next")
        response = connection.getresponse()
        event = response.read()
        if response.status != 200:
            sys.exit(0)
        context = Context(response.headers)
        Context.current = context.aws_request_id
        os.environ["_X_AMZN_TRACE_ID"] = response.headers.get("Lambda-Runtime-Trace-Id", "")
        path = "invocation/" + context.aws_request_id
        try:
            result = handler(json.loads(event), context)
        except Exception as error:
            wrong = failure(error)
            sys.stderr.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
            post(connection, path + "/error", json.dumps(wrong), wrong["errorType"])
            continue
        try:
            result = json.dumps(result, ensure_ascii=False, allow_nan=False, default=number).encode()
        except Exception as error:
            wrong = failure(error, "Runtime.MarshalError")
            post(connection, path + "/error", json.dumps(wrong), wrong["errorType"])
            continue
        post(connection, path + "/response", result)


main()
