package policy

import "sallyport/wire"

// This file is how a policy or backend says what it would do to a request, for the command explain.

// An Explainer is a policy or backend that can say what it would do to a request without doing it: it counts, sends, logs and
// waits for nothing. What Handle changes of the request before it goes on, Explain changes as well, so that whatever comes
// next is asked about the same request.
type Explainer interface {
	Explain(x *Exchange) Verdict
}

// A Verdict is what an Explainer would do. At most one of Err, Response and Calls, to which Graph belongs, is set; none of them means that the
// request goes on.
type Verdict struct {
	Why     string   // one line without a full stop, such as "10.0.0.0/8 allows 10.1.2.3"
	Facts   []Fact   // more, where one line does not say it all
	Changes []Change // of header fields
	Asks    bool     // somebody else decides, so that nobody can tell what becomes of the request from here on; it goes on as if it might

	Err      error          // what Handle would return instead of going on
	Response *wire.Response // the answer that it would make; its body is not read
	Calls    []Call         // of a backend: what it would send, one of them; with a Graph all of them, and then what follows from their answers
	Graph    []Fact         // of a backend that makes many calls: each by its level, those that wait for nothing first
}

// A Fact is one thing that a verdict rests on.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Change is what is done to one header field.
type Change struct {
	Side  string `json:"side"`            // "request" or "response"
	Op    string `json:"op"`              // "set", "add" or "remove"
	Name  string `json:"name"`            //
	Value string `json:"value,omitempty"` // what it makes; where that depends on the response, the expression
}

// A Call is what a backend would send.
type Call struct {
	Upstream string
	Share    float64 // of the requests that go there, 1 for all
	Why      string  // how this upstream comes to be chosen, "" when it is the only one
	Chosen   bool    // this request would go there for sure
	Retry    string  // when it is made again, in words; "" when that is for the upstream to say
	Call     wire.Call
}
