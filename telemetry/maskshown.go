package telemetry

import "math"

// This file is masking for what people are shown elsewhere than in the log.

// MaskField returns the value of a header field as people may see it.
func MaskField(name, value string) string {
	if value != "" && (secretName(name) || secretValue(value)) {
		return masked
	}
	return value
}

// MaskQuery returns a query as people may see it.
func MaskQuery(query string) string { return string(appendQuery(nil, query, math.MaxInt32)) }
