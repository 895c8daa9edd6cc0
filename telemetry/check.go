package telemetry

// A CheckOutcome is how a health check of a target ended.
type CheckOutcome uint8

// The outcomes of health checks.
const (
	CheckPassed  CheckOutcome = iota // as it should be
	CheckConnect                     // no connection could be made
	CheckTimeout                     // the answer was not there in time
	CheckAnswer                      // the answer is not what is expected, such as another status
	CheckBroken                      // the connection broke, or what came is no answer
	checkCount
)

func (o CheckOutcome) String() string {
	return [...]string{"ok", "connect", "timeout", "answer", "broken"}[o]
}

// Checked counts a health check that ended.
func (t *Target) Checked(o CheckOutcome) { t.checks[o].Add(1) }

// Turned counts that health checks took the target out, or brought it back.
func (t *Target) Turned() { t.turns.Add(1) }
