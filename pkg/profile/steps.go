// Package profile says on which step of a delivery a goroutine works, and serves CPU profiles in which every sample has its step.
//
//	accept → commit → enqueue          in the API service
//	take → load → sign → post → record → acknowledge   in the dispatcher service
//
// The labels of a step are made once. To set them is to store one pointer, so that goroutines have them whether a profile runs or not.
// A goroutine inherits the step of the one that starts it.
package profile

import (
	"context"
	"runtime/pprof"
)

// Label is the name of the label in profiles.
const Label = "step"

// Step is one step from the acceptance of an event to its recorded outcome.
type Step struct {
	name   string
	labels context.Context //nolint:containedctx // the runtime takes labels from a context
}

// The steps, in the order of a delivery.
var (
	Accept      = newStep("accept")
	Commit      = newStep("commit")
	Enqueue     = newStep("enqueue")
	Take        = newStep("take")
	Load        = newStep("load")
	Sign        = newStep("sign")
	Post        = newStep("post")
	Record      = newStep("record")
	Acknowledge = newStep("acknowledge")
)

// Steps returns all steps, in the order of a delivery.
func Steps() []Step {
	return []Step{Accept, Commit, Enqueue, Take, Load, Sign, Post, Record, Acknowledge}
}

func newStep(name string) Step {
	return Step{name: name, labels: pprof.WithLabels(context.Background(), pprof.Labels(Label, name))}
}

// String returns the name of the step in profiles.
func (s Step) String() string { return s.name }

// Begin makes the step that of the calling goroutine, until it begins another one.
func (s Step) Begin() { pprof.SetGoroutineLabels(s.labels) }
