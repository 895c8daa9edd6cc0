package telemetry

import (
	"syscall"
	"time"
)

// physicalMemory is the memory of the machine in bytes.
func physicalMemory() uint64 {
	var i syscall.Sysinfo_t
	if syscall.Sysinfo(&i) != nil {
		return 0
	}
	return uint64(i.Totalram) * uint64(i.Unit) //nolint:unconvert // differs by architecture
}

// cpuTime is the time of cores that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
