package bench

import (
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// resources holds the resources that each process used for each observed operation.
type resources struct {
	running system
	before  map[int]time.Duration
}

// watch begins to observe the processes of a system. A process that does not exist yet begins with zero.
func watch(running system) *resources {
	r := &resources{running: running, before: map[int]time.Duration{}}
	for _, process := range running.processes() {
		if u, err := process.usage(); err == nil {
			r.before[process.pid] = u.cpu
		}
	}
	return r
}

// note adds the samples of a row's details on systems with /proc. A process may have been started meanwhile.
func (r *resources) note(samples *report.Samples, row string, count int) error {
	var own time.Duration
	for _, process := range r.running.processes() {
		u, err := process.usage()
		if errors.Is(err, errNoProc) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("see what the %s took: %w", process.name, err)
		}
		took := u.cpu - r.before[process.pid]
		if process.name == processAPI || process.name == processDispatcher || process.name == processEmbedded {
			own += took
		}
		samples.Add(report.Detail(row, process.name+" CPU"), microseconds(took, count))
		samples.Add(report.Detail(row, process.name+" memory"), u.memory/megabyte)
	}
	samples.Add(report.Detail(row, processOwn+" CPU"), microseconds(own, count))
	return nil
}

func microseconds(took time.Duration, count int) float64 {
	return float64(took.Microseconds()) / float64(max(count, 1))
}
