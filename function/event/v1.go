package event

import (
	"strings"

	"sallyport/policy"
)

// A v1 is an event 1.0. What Amazon sends as null is a pointer or a map here.
type v1 struct {
	Version       string              `json:"version"`
	Resource      string              `json:"resource"`
	Path          string              `json:"path"`
	Method        string              `json:"httpMethod"`
	Headers       map[string]string   `json:"headers"`
	MultiHeaders  map[string][]string `json:"multiValueHeaders"`
	Query         map[string]string   `json:"queryStringParameters"`
	MultiQuery    map[string][]string `json:"multiValueQueryStringParameters"`
	Params        map[string]string   `json:"pathParameters"`
	StageVars     map[string]string   `json:"stageVariables"`
	Context       contextV1           `json:"requestContext"`
	Body          *string             `json:"body"`
	Base64Encoded bool                `json:"isBase64Encoded"`
}

type contextV1 struct {
	AccountID         string         `json:"accountId"`
	APIID             string         `json:"apiId"`
	Authorizer        map[string]any `json:"authorizer,omitempty"`
	DeploymentID      string         `json:"deploymentId"`
	DomainName        string         `json:"domainName"`
	DomainPrefix      string         `json:"domainPrefix"`
	ExtendedRequestID string         `json:"extendedRequestId"`
	Method            string         `json:"httpMethod"`
	Identity          identityV1     `json:"identity"`
	Path              string         `json:"path"`
	Protocol          string         `json:"protocol"`
	RequestID         string         `json:"requestId"`
	RequestTime       string         `json:"requestTime"`
	RequestTimeEpoch  int64          `json:"requestTimeEpoch"`
	ResourceID        string         `json:"resourceId"`
	ResourcePath      string         `json:"resourcePath"`
	Stage             string         `json:"stage"`
}

// An identityV1 is who sent a request. The fields of callers that AWS itself knows are always null.
type identityV1 struct {
	AccessKey       *string      `json:"accessKey"`
	AccountID       *string      `json:"accountId"`
	APIKeyID        string       `json:"apiKeyId,omitempty"`
	Caller          *string      `json:"caller"`
	ClientCert      *certificate `json:"clientCert,omitempty"`
	CognitoProvider *string      `json:"cognitoAuthenticationProvider"`
	CognitoType     *string      `json:"cognitoAuthenticationType"`
	CognitoIdentity *string      `json:"cognitoIdentityId"`
	CognitoPool     *string      `json:"cognitoIdentityPoolId"`
	PrincipalOrg    *string      `json:"principalOrgId"`
	SourceIP        string       `json:"sourceIp"`
	User            *string      `json:"user"`
	UserAgent       *string      `json:"userAgent"`
	UserARN         *string      `json:"userArn"`
}

func newV1(x *policy.Exchange, p *Place, body []byte) *v1 {
	r := x.Request
	e := &v1{Version: V1, Resource: p.resource, Path: r.Path.Text, Method: r.Method, Params: params(x), StageVars: p.vars}
	if e.Resource == "" {
		e.Resource = r.Path.Text
	}
	e.Headers, e.MultiHeaders = map[string]string{}, map[string][]string{}
	fields(x, func(name, value string) {
		name = spelt(name, e.MultiHeaders)
		e.Headers[name] = value // the last one
		e.MultiHeaders[name] = append(e.MultiHeaders[name], value)
	})
	query(r.Query, func(name, value string) {
		if e.Query == nil {
			e.Query, e.MultiQuery = map[string]string{}, map[string][]string{}
		}
		e.Query[name] = value
		e.MultiQuery[name] = append(e.MultiQuery[name], value)
	})
	e.Context = contextV1{
		AccountID: Account, APIID: x.API, Authorizer: authorizerV1(x), DomainName: host(r), DomainPrefix: domainPrefix(host(r)),
		ExtendedRequestID: x.ID, Method: r.Method, Path: staged(p.stage, r.Path.Text), Protocol: r.Proto.String(),
		RequestID: x.ID, RequestTime: x.Start.UTC().Format(clock), RequestTimeEpoch: epoch(x.Start),
		ResourcePath: e.Resource, Stage: p.stage,
	}
	e.Context.Identity = identityV1{ClientCert: clientCertificate(r), SourceIP: x.Client.String()}
	if x.Consumer != nil && x.Auth.Type == "api_key" {
		e.Context.Identity.APIKeyID = x.Consumer.Name
	}
	if agent, found := r.Header.Lookup("User-Agent"); found {
		e.Context.Identity.UserAgent = &agent
	}
	if len(body) > 0 {
		text, coded := encoded(body, true)
		e.Body, e.Base64Encoded = &text, coded
	}
	return e
}

// staged is a path with its stage before it, unless that is the one without a name.
func staged(stage, path string) string {
	if strings.HasPrefix(stage, "$") {
		return path
	}
	return "/" + stage + path
}

// spelt is the spelling of a field's name: Amazon has one for two of them, and leaves the others as they are. Two spellings of a name are
// one name, the first.
func spelt(name string, known map[string][]string) string {
	for _, usual := range []string{"Authorization", "User-Agent"} {
		if strings.EqualFold(name, usual) {
			return usual
		}
	}
	if known[name] != nil {
		return name
	}
	for k := range known { // a request has a hundred fields at most
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}
