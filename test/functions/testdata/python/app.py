import json
import logging
import os
import sys
import time


def lambda_handler(event, context):
    what = event["path"]
    if what == "/event":
        return {"statusCode": 200, "body": json.dumps(event)}
    if what == "/context":
        left = context.get_remaining_time_in_millis()
        return {"statusCode": 200, "body": json.dumps({
            "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
            "memory": context.memory_limit_in_mb, "time": 0 < left <= 30000, "env": sorted(os.environ), "pid": os.getpid(),
        })}
    if what == "/raise":
        print("about to fail")
        raise ValueError("a secret of the inside")
    if what == "/exit":
        os._exit(3)
    if what == "/sleep":
        time.sleep(60)
    if what == "/malformed":
        return {"status": 200}
    if what == "/slow":
        time.sleep(0.3)
        return {"statusCode": 200, "body": str(os.getpid())}
    if what == "/large":
        return {"statusCode": 200, "body": "x" * (17 << 20)}
    if what == "/greedy":
        keep = bytearray(200 << 20)
        return {"statusCode": 200, "body": str(len(keep))}
    if what == "/logs":
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger("of.the.function").info("an informative %s", "line")
        logging.getLogger().debug("too much")
    if what == "/who":
        return {"statusCode": 200, "body": json.dumps([context.identity.cognito_identity_id, context.client_context, os.environ["AWS_EXECUTION_ENV"], os.environ["AWS_XRAY_CONTEXT_MISSING"]])}
    if what == "/strange":
        raise type("Fehler\N{LATIN SMALL LETTER E WITH BREVE}\n", (Exception,), {"__str__": lambda self: "\ud800"})()
    if what == "/says":
        print("to stdout")
        print("to stderr", file=sys.stderr)
    return {"statusCode": "404", "multiValueHeaders": {"X-A": ["1", "2"]}, "headers": {"x-a": "3", "X-B": True}, "body": None}
