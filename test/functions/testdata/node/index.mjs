export const handler = async (event, context) => {
  switch (event.rawPath) {
    case '/context':
      return { statusCode: 200, body: [context.awsRequestId, context.functionName, context.getRemainingTimeInMillis() > 0].join(' ') };
    case '/event':
      return { statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event) };
    case '/throw':
      throw new TypeError('not for clients');
    case '/later':
      setTimeout(() => { throw new Error('an error of its own'); }, 10);
      return new Promise(() => {});
    case '/slow':
      await new Promise((done) => setTimeout(done, 300));
      return { statusCode: 200, body: String(process.pid) };
    case '/exit':
      process.exit(4);
    case '/sleep':
      return new Promise((done) => setTimeout(done, 60_000));
    case '/short':
      console.log('says', event.requestContext.requestId);
      return { hello: 'world' };
  }
  return { statusCode: 404 };
};

export const old = (event, context, callback) => setTimeout(() => callback(null, { statusCode: 202, body: 'by callback' }), 5);

// As functions were in the first years.
export function first(event, context) {
  setTimeout(() => context.succeed({ statusCode: 203, body: 'by context' }), 5);
}

export const idle = (event, context, callback) => {}; // it says nothing, and there is nothing left to wait for

export const stream = awslambda.streamifyResponse(async (event, out) => {
  const body = awslambda.HttpResponseStream.from(out, { statusCode: 203, headers: { 'X-A': '1' }, cookies: ['a=1'] });
  body.write('one ');
  await new Promise((done) => setTimeout(done, 50));
  if (event.rawPath === '/broken') throw new Error('within');
  if (event.rawPath === '/strange') throw Object.assign(new Error('within'), { name: 'a\nb' });
  if (event.rawPath === '/crash') {
    setTimeout(() => { throw new Error('an error of its own'); }, 10);
    await new Promise((done) => setTimeout(done, 60_000));
  }
  body.end('two');
});
