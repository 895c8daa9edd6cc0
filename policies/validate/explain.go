package validate

import (
	"slices"
	"strconv"
	"strings"

	"sallyport/policy"
	"sallyport/problem"
)

// Explain judges the request like Handle, and says which responses would be.
func (v *validator) Explain(x *policy.Exchange) (e policy.Verdict) {
	_, err := v.judge(x)
	switch {
	case err != nil && v.report:
		e.Why = "it would be refused, but mode is report: " + cut(problem.From(err).Error())
	case err != nil:
		e.Why, e.Err = cut(problem.From(err).Error()), err
	case len(v.texts) == 0 && v.request == nil:
		e.Why = "only responses are judged"
	default:
		e.Why = "nothing is wrong with the request"
	}
	if v.response == nil {
		return e
	}
	policy.AskWhole(x.Request)
	var statuses []string
	for status := range v.shapes {
		text := strconv.Itoa(status)
		if status < 10 {
			text += "xx"
		}
		statuses = append(statuses, text)
	}
	slices.Sort(statuses)
	e.Facts = append(e.Facts, policy.Fact{Name: "judges responses", Value: strings.Join(statuses, ", ")})
	return e
}
