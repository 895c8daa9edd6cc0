package event

import (
	"strconv"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// A v2 is an event 2.0. What is not there is left out.
type v2 struct {
	Version       string            `json:"version"`
	RouteKey      string            `json:"routeKey"`
	RawPath       string            `json:"rawPath"`
	RawQuery      string            `json:"rawQueryString"`
	Cookies       []string          `json:"cookies,omitempty"`
	Headers       map[string]string `json:"headers"`
	Query         map[string]string `json:"queryStringParameters,omitempty"`
	Context       contextV2         `json:"requestContext"`
	Body          *string           `json:"body,omitempty"`
	Params        map[string]string `json:"pathParameters,omitempty"`
	Base64Encoded bool              `json:"isBase64Encoded"`
	StageVars     map[string]string `json:"stageVariables,omitempty"`
}

type contextV2 struct {
	AccountID      string          `json:"accountId"`
	APIID          string          `json:"apiId"`
	Authentication *authentication `json:"authentication,omitempty"`
	Authorizer     map[string]any  `json:"authorizer,omitempty"`
	DomainName     string          `json:"domainName"`
	DomainPrefix   string          `json:"domainPrefix"`
	HTTP           httpV2          `json:"http"`
	RequestID      string          `json:"requestId"`
	RouteKey       string          `json:"routeKey"`
	Stage          string          `json:"stage"`
	Time           string          `json:"time"`
	TimeEpoch      int64           `json:"timeEpoch"`
}

type authentication struct {
	ClientCert *certificate `json:"clientCert"`
}

type httpV2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func newV2(x *policy.Exchange, p *Place, body []byte) *v2 {
	r := x.Request
	e := &v2{Version: V2, RouteKey: p.key, RawPath: staged(p.stage, r.Path.Text), RawQuery: r.Query, Headers: map[string]string{}, Params: params(x), StageVars: p.vars}
	fields(x, func(name, value string) {
		name = strings.ToLower(name)
		if name == "cookie" {
			for one := range strings.SplitSeq(value, ";") {
				if one = strings.Trim(one, " \t"); one != "" {
					e.Cookies = append(e.Cookies, one)
				}
			}
			return
		}
		join(e.Headers, name, value)
	})
	e.Headers["content-length"] = strconv.Itoa(len(body)) // Amazon's have it whether there is a body or not
	query(r.Query, func(name, value string) {
		if e.Query == nil {
			e.Query = map[string]string{}
		}
		join(e.Query, name, value)
	})
	e.Context = contextV2{
		AccountID: Account, APIID: x.API, Authorizer: authorizerV2(x), DomainName: host(r), DomainPrefix: domainPrefix(host(r)),
		RequestID: x.ID, RouteKey: p.key, Stage: p.stage, Time: x.Start.UTC().Format(clock), TimeEpoch: epoch(x.Start),
		HTTP: httpV2{r.Method, e.RawPath, r.Proto.String(), x.Client.String(), r.Header.Known(wire.UserAgent)},
	}
	if c := clientCertificate(r); c != nil {
		e.Context.Authentication = &authentication{c}
	}
	if len(body) > 0 {
		text, coded := encoded(body, isText(r.Header.Known(wire.ContentType)))
		e.Body, e.Base64Encoded = &text, coded
	}
	return e
}

// join adds a value to what a map has of a name, behind a comma.
func join(m map[string]string, name, value string) {
	if before, twice := m[name]; twice {
		value = before + "," + value
	}
	m[name] = value
}

// params are the parameters of the route's path, nil for none.
func params(x *policy.Exchange) (m map[string]string) {
	for i := range x.Params {
		if m == nil {
			m = map[string]string{}
		}
		m[x.Params[i].Name] = x.Params[i].Value
	}
	return m
}

// query yields the parameters of a query, decoded.
func query(q string, yield func(name, value string)) {
	wire.Params(q, func(name, value string, _ bool) bool {
		yield(name, value)
		return true
	})
}
