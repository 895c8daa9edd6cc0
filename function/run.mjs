// Runs a Node function: asks the gateway for events by the AWS Lambda Runtime API and calls the handler with each.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { env } = process;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const root = env.LAMBDA_TASK_ROOT;
const base = '/2018-06-01/runtime/';
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const STREAM = Symbol.for('aws.lambda.runtime.handler.streaming');
const HEAD = 'application/vnd.awslambda.http-integration-response';
let current = ''; // the id of the call at hand
let streaming = false; // its answer is under way
let idle = () => {}; // called when nothing is left to wait for
env.AWS_EXECUTION_ENV ??= `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`;

function begin(method, target, headers, answered) {
  const request = http.request({ host, port, method, path: base + target, headers, agent }, answered);
  request.on('error', () => process.exit(1)); // the gateway is gone
  return request;
}

function ask(method, target, body, headers = {}) {
  return new Promise((done) => {
    if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
    begin(method, target, headers, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    }).end(body);
  });
}

function failure(error, type) {
  if (!(error instanceof Error)) return { errorType: type ?? typeof error, errorMessage: String(error), trace: [], stackTrace: [] };
  const trace = (error.stack ?? '').split('\n');
  return { errorType: type ?? String(error.name), errorMessage: String(error.message), trace, stackTrace: trace };
}

// header is a type of errors as a field can hold it.
function header(type) {
  return type.replace(/[^\w.]/g, '');
}

function fail(target, error, type) {
  const wrong = failure(error, type);
  return ask('POST', target, JSON.stringify(wrong), { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': header(wrong.errorType) });
}

// What functions that stream their answers expect to be there.
globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAM]: true }),
  HttpResponseStream: {
    from(stream, head) {
      stream.setContentType(HEAD);
      stream.write(JSON.stringify(head));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

async function load() {
  const dot = env._HANDLER.lastIndexOf('.');
  const file = path.join(root, env._HANDLER.slice(0, dot));
  const name = env._HANDLER.slice(dot + 1);
  const found = ['', '.js', '.mjs', '.cjs'].map((end) => file + end).find((f) => fs.statSync(f, { throwIfNoEntry: false })?.isFile());
  if (!found) throw Object.assign(new Error(`there is no module ${path.basename(file)}`), { kind: 'Runtime.ImportModuleError' });
  const module = await import(pathToFileURL(found));
  const handler = module[name] ?? module.default?.[name];
  if (typeof handler !== 'function') throw Object.assign(new Error(`there is no function ${name} in ${path.basename(found)}`), { kind: 'Runtime.HandlerNotFound' });
  return handler;
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    Object.assign(context, { done: callback, succeed: resolve, fail: reject });
    const result = handler(event, context, callback);
    idle = resolve;
    if (typeof result?.then === 'function') result.then(resolve, reject);
    else if (handler.length < 3 && result !== undefined) resolve(result);
  });
}

// stream answers in parts, as they come.
async function stream(handler, event, context, target) {
  let kind = 'application/octet-stream';
  let request;
  let answered;
  const over = new Promise((done) => { answered = done; });
  const open = () => {
    streaming = true;
    return request ??= begin('POST', target + '/response', {
      'Content-Type': kind, 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    }, (response) => { response.resume(); response.on('end', answered); });
  };
  const { Writable } = await import('node:stream');
  const out = new Writable({
    write(part, encoding, done) { open().write(part, done); },
    final(done) { open().end(done); },
  });
  out.setContentType = (type) => { kind = type; };
  try {
    await handler(event, out, context);
    if (!out.writableEnded) out.end();
  } catch (error) {
    if (!request) return fail(target + '/error', error);
    const wrong = failure(error);
    request.addTrailers({ 'Lambda-Runtime-Function-Error-Type': header(wrong.errorType), 'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(wrong)).toString('base64') });
    request.end();
  }
  return over;
}

async function crashed(error) {
  console.error(error);
  if (current && !streaming) await fail(`invocation/${current}/error`, error, error instanceof Error ? `Runtime.${error.name}` : undefined);
  process.exit(1);
}
process.on('uncaughtException', crashed);
process.on('unhandledRejection', crashed);
process.on('beforeExit', () => idle());

let handler;
try {
  handler = await load();
} catch (error) {
  await fail('init/error', error, error.kind);
  process.exit(1);
}
for (;;) {
  const next = await ask('GET', 'invocation/next');
  if (next.status !== 200) process.exit(0);
  const context = contextOf(next.headers);
  current = context.awsRequestId;
  env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'] ?? '';
  const target = `invocation/${current}`;
  let result;
  try {
    const event = JSON.parse(next.body);
    if (handler[STREAM]) {
      await stream(handler, event, context, target);
      streaming = false;
      current = '';
      continue;
    }
    result = JSON.stringify((await call(handler, event, context)) ?? null);
  } catch (error) {
    console.error(error);
    await fail(target + '/error', error);
    current = '';
    continue;
  }
  await ask('POST', target + '/response', result, { 'Content-Type': 'application/json' });
  current = '';
}
