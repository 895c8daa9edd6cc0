// Command lambda is a function as people write them for AWS Lambda, with the official library, which the tests run as it is.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func handle(ctx context.Context, e events.APIGatewayV2HTTPRequest) (any, error) {
	switch e.RawPath {
	case "/context":
		c, _ := lambdacontext.FromContext(ctx)
		until, _ := ctx.Deadline()
		left := time.Until(until)
		return answer(200, fmt.Sprintf("%s %s %d %v", c.AwsRequestID, c.InvokedFunctionArn, lambdacontext.MemoryLimitInMB, left > 0 && left < time.Minute)), nil
	case "/event":
		return answer(200, fmt.Sprint(e.RequestContext.HTTP.Method, " ", e.RouteKey, " ", e.QueryStringParameters["a"], " ", e.Cookies, " ", e.PathParameters["rest"], " ", e.Body, " ", e.IsBase64Encoded)), nil
	case "/error":
		return nil, errors.New("it is not for clients to know")
	case "/panic":
		panic("a panic")
	case "/exit":
		os.Exit(2)
	case "/sleep":
		time.Sleep(time.Minute)
	case "/stream":
		return streamed(io.MultiReader(bytes.NewReader([]byte("one ")), &slow{parts: []string{"two ", "three"}})), nil
	case "/broken":
		return streamed(io.MultiReader(bytes.NewReader([]byte("one ")), &slow{err: errors.New("broken")})), nil
	case "/version":
		time.Sleep(20 * time.Millisecond)
		return answer(200, version), nil
	case "/greedy":
		held := bytes.Repeat([]byte("x"), 300<<20)
		time.Sleep(time.Minute)
		return answer(200, string(held[:1])), nil
	case "/slow":
		time.Sleep(200 * time.Millisecond)
		return answer(200, fmt.Sprint(os.Getpid())), nil
	}
	return answer(404, ""), nil
}

// version is set when the program is built.
var version = "1"

func answer(status int, body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Body: body, Cookies: []string{"a=1", "b=2"}}
}

func streamed(body io.Reader) *events.LambdaFunctionURLStreamingResponse {
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Headers: map[string]string{"Content-Type": "text/plain"}, Body: body}
}

// A slow reader has a part every now and then, and ends with err.
type slow struct {
	parts []string
	err   error
}

// Read implements io.Reader.
func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	if len(s.parts) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	n := copy(b, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

func main() { lambda.Start(handle) }
