package gateway

import (
	"sallyport/problem"
	"sallyport/wire"
)

// What other gateways say, as they were recorded or documented. Where one has no such error, its text for the status is used.

const jsonType = "application/json"

// dialects are the ways of other gateways, by name.
var dialects = map[string]*dialect{
	"aws_rest": {
		name: "aws_rest", header: amazonFields,
		write: func(w wording, p *problem.Problem, _ string) (string, []byte) {
			if p.Name == "body_too_large" {
				return "text/plain", []byte(w.text)
			}
			if w.kind == "AccessDeniedException" { // an authorizer's word, with a capital
				return jsonType, plainJSON(struct{ Message string }{w.text})
			}
			return jsonType, plainJSON(struct {
				Message string `json:"message"`
			}{w.text})
		},
		words: map[string]wording{
			"no_route":                    {403, "Missing Authentication Token", "MissingAuthenticationTokenException"},
			"unknown_version":             {403, "Missing Authentication Token", "MissingAuthenticationTokenException"},
			"method_not_allowed":          {403, "Missing Authentication Token", "MissingAuthenticationTokenException"},
			"missing_credentials":         {401, "Unauthorized", "UnauthorizedException"},
			"invalid_credentials":         {401, "Unauthorized", "UnauthorizedException"},
			"invalid_token":               {401, "Unauthorized", "UnauthorizedException"},
			"insufficient_scope":          {401, "Unauthorized", "UnauthorizedException"},
			"missing_credentials/api_key": {403, "Forbidden", "ForbiddenException"},
			"invalid_credentials/api_key": {403, "Forbidden", "ForbiddenException"},
			"forbidden/api_key":           {403, "Forbidden", "ForbiddenException"},
			"forbidden":                   {403, "User is not authorized to access this resource with an explicit deny", "AccessDeniedException"},
			"ip_denied":                   {403, "User is not authorized to access this resource with an explicit deny", "AccessDeniedException"},
			"waf_blocked":                 {403, "Forbidden", "ForbiddenException"},
			"rate_limited":                {429, "Too Many Requests", "TooManyRequestsException"},
			"quota_exceeded":              {429, "Limit Exceeded", "LimitExceededException"},
			"validation_failed":           {400, "Invalid request body", "BadRequestException"},
			"unsupported_media_type":      {415, "Unsupported Media Type", "BadRequestException"},
			"body_too_large":              {413, "HTTP content length exceeded.", "RequestEntityTooLargeException"},
			"function_error":              {502, "Internal server error", "InternalServerErrorException"},
			"upstream_failed":             {504, "Network error communicating with endpoint", "InternalServerErrorException"},
			"no_healthy_target":           {504, "Network error communicating with endpoint", "InternalServerErrorException"},
			"upstream_timeout":            {504, "Endpoint request timed out", "InternalServerErrorException"},
			"internal":                    {500, "Internal server error", "InternalServerErrorException"},
			"4xx":                         {0, "", "BadRequestException"},
			"5xx":                         {0, "Internal server error", "InternalServerErrorException"},
		},
	},
	"aws_http": {
		name:   "aws_http",
		header: func(h *wire.Header, _ wording, id string) { h.Set("apigw-requestid", id) },
		write: func(w wording, _ *problem.Problem, _ string) (string, []byte) {
			return jsonType, plainJSON(struct {
				Message string `json:"message"`
			}{w.text})
		},
		words: map[string]wording{
			"method_not_allowed": {status: 404},
			"insufficient_scope": {status: 403},
			"function_error":     {status: 500},
			"compose_failed":     {status: 500},
			"upstream_failed":    {status: 503},
			"no_healthy_target":  {status: 503},
			"upstream_timeout":   {status: 503},
		},
	},
	"azure": {
		name: "azure", header: func(*wire.Header, wording, string) {},
		// The spaces are those that it writes.
		write: func(w wording, _ *problem.Problem, id string) (string, []byte) {
			b := []byte(`{ "statusCode": `)
			b = append(b, plainJSON(w.status)...)
			b = append(b, `, "message": `...)
			b = append(b, plainJSON(w.text)...)
			if w.status == 500 {
				b = append(b, `, "activityId": `...)
				b = append(b, plainJSON(id)...)
			}
			return jsonType, append(b, ` }`...)
		},
		words: map[string]wording{
			"no_route":                    {404, "Resource not found", ""},
			"unknown_version":             {404, "Resource not found", ""},
			"method_not_allowed":          {404, "Resource not found", ""},
			"missing_credentials/api_key": {401, "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.", ""},
			"invalid_credentials/api_key": {401, "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.", ""},
			"forbidden/api_key":           {401, "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.", ""},
			"missing_credentials/jwt":     {401, "JWT not present.", ""},
			"invalid_token":               {401, "Unauthorized. Access token is missing or invalid.", ""},
			"insufficient_scope":          {401, "JWT token is missing the required claims. Access denied.", ""},
			"rate_limited":                {429, "Rate limit is exceeded. Try again in %s seconds.", ""},
			"quota_exceeded":              {403, "Out of call volume quota. Try again in %s seconds.", ""},
			"function_error":              {500, "Internal server error", ""},
			"compose_failed":              {500, "Internal server error", ""},
			"upstream_failed":             {500, "Internal server error", ""},
			"no_healthy_target":           {500, "Internal server error", ""},
			"internal":                    {500, "Internal server error", ""},
		},
	},
	"google": {
		name: "google", header: func(*wire.Header, wording, string) {},
		write: func(w wording, _ *problem.Problem, _ string) (string, []byte) {
			return jsonType, plainJSON(struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			}{w.status, w.text})
		},
		words: map[string]wording{
			"no_route":                            {404, "The current request is not defined by this API.", ""},
			"unknown_version":                     {404, "The current request is not defined by this API.", ""},
			"method_not_allowed":                  {405, "The current request is matched to the defined url template but its http method is not allowed", ""},
			"missing_credentials/api_key":         {401, "UNAUTHENTICATED: Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.", ""},
			"invalid_credentials/api_key":         {400, "INVALID_ARGUMENT: API key not valid. Please pass a valid API key.", ""},
			"invalid_credentials/api_key/expired": {400, "INVALID_ARGUMENT: API key expired. Please renew the API key.", ""},
			"missing_credentials/jwt":             {401, "Jwt is missing", ""},
			"invalid_token":                       {401, "Jwt verification fails", ""},
			"invalid_token/jwt/expired":           {401, "Jwt is expired", ""},
			"invalid_token/jwt/issuer":            {401, "Jwt issuer is not configured", ""},
			"invalid_token/jwt/audience":          {403, "Audiences in Jwt are not allowed", ""},
			"ip_denied":                           {403, "PERMISSION_DENIED: IP address blocked.", ""},
			"forbidden":                           {403, "PERMISSION_DENIED: The caller does not have permission", ""},
			"rate_limited":                        {429, "RESOURCE_EXHAUSTED: Quota exceeded.", ""},
			"quota_exceeded":                      {429, "RESOURCE_EXHAUSTED: Quota exceeded.", ""},
			"upstream_failed":                     {503, "upstream connect error or disconnect/reset before headers", ""},
			"no_healthy_target":                   {503, "no healthy upstream", ""},
			"upstream_timeout":                    {504, "upstream request timeout", ""},
		},
	},
}

// amazonFields are those by which the clients of AWS tell errors apart.
func amazonFields(h *wire.Header, w wording, id string) {
	h.Set("x-amzn-RequestId", id)
	h.Set("x-amzn-ErrorType", w.kind)
}
