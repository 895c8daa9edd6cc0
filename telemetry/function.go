package telemetry

import "github.com/prometheus/client_golang/prometheus"

// This file is the metrics of functions.

var (
	functionCalls     = describe("function_calls_total", "Calls of a function that began, or waited for a process in vain.", "function")
	functionFailures  = describe("function_failures_total", "Calls of a function that came to nothing: error is an answer that tells of one or a process that cannot be started, malformed a result that is no response, crash a process that ended, timeout one that took too long; of functions in AWS throttled is a call that found no room there, refused one that AWS did not take, unreached one that did not get there or whose answer broke off.", "function", "reason")
	functionStarts    = describe("function_starts_total", "Processes of a function that were started, by whether they came to ask for a call.", "function", "outcome")
	functionReloads   = describe("function_reloads_total", "Changes of the code of a function.", "function")
	functionProcesses = describe("function_processes", "Processes of a function.", "function")
	functionIdle      = describe("function_idle_processes", "Processes of a function that wait for a call.", "function")
	functionWaiting   = describe("function_waiting_calls", "Calls that wait for a process of a function.", "function")

	functionDescriptions = []*prometheus.Desc{functionCalls, functionFailures, functionStarts, functionReloads, functionProcesses, functionIdle, functionWaiting}
)

// WatchFunctions has functions asked for whenever somebody looks at the metrics. A later WatchFunctions replaces it.
func (m *Metrics) WatchFunctions(functions func() []Function) { m.functs.Store(&functions) }

// inAWS is the runtime of functions that run in AWS.
const inAWS = "aws"

// A Function is what is counted of a function.
type Function struct {
	Name, Runtime            string
	Processes, Idle, Waiting int
	Starts, StartErrors      uint64
	Calls                    uint64
	Errors                   uint64 // that the function answered with
	Malformed                uint64 // answers that are no response
	Crashes, Timeouts        uint64
	Throttled                uint64 // the rest of functions in AWS only
	Refused, Unreached       uint64
	Reloads                  uint64
	LastError                string
}

func (f *Function) collect(out chan<- prometheus.Metric) {
	name := label(f.Name)
	out <- value(functionCalls, prometheus.CounterValue, float64(f.Calls), name)
	out <- value(functionFailures, prometheus.CounterValue, float64(f.Errors), name, "error")
	out <- value(functionFailures, prometheus.CounterValue, float64(f.Malformed), name, "malformed")
	out <- value(functionFailures, prometheus.CounterValue, float64(f.Crashes), name, "crash")
	out <- value(functionFailures, prometheus.CounterValue, float64(f.Timeouts), name, "timeout")
	if f.Runtime == inAWS { // processes are not ours to count
		out <- value(functionFailures, prometheus.CounterValue, float64(f.Throttled), name, "throttled")
		out <- value(functionFailures, prometheus.CounterValue, float64(f.Refused), name, "refused")
		out <- value(functionFailures, prometheus.CounterValue, float64(f.Unreached), name, "unreached")
		return
	}
	out <- value(functionStarts, prometheus.CounterValue, float64(f.Starts-min(f.StartErrors, f.Starts)), name, "ok")
	out <- value(functionStarts, prometheus.CounterValue, float64(f.StartErrors), name, "failed")
	out <- value(functionReloads, prometheus.CounterValue, float64(f.Reloads), name)
	out <- value(functionProcesses, prometheus.GaugeValue, float64(f.Processes), name)
	out <- value(functionIdle, prometheus.GaugeValue, float64(f.Idle), name)
	out <- value(functionWaiting, prometheus.GaugeValue, float64(f.Waiting), name)
}
