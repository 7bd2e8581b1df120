// Package journal records the faults and the broken promises of a run while it lasts.
package journal

import (
	"fmt"
	"slices"
	"sync"

	"redrive/deploy/chaos/internal/audit"
)

// Journal is the record of one run. The zero value is ready for use. It is safe for concurrent use.
type Journal struct {
	mutex    sync.Mutex
	faults   []audit.Fault
	problems []string
}

// Fault records a fault.
func (j *Journal) Fault(f audit.Fault) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.faults = append(j.faults, f)
}

// Faults returns the recorded faults in the order of their beginnings.
func (j *Journal) Faults() []audit.Fault {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return slices.SortedStableFunc(slices.Values(j.faults), func(a, b audit.Fault) int { return a.Began.Compare(b.Began) })
}

// Problem records a broken promise.
func (j *Journal) Problem(format string, args ...any) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

// Problems returns the recorded problems in the order of their records.
func (j *Journal) Problems() []string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return slices.Clone(j.problems)
}
