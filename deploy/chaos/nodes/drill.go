package nodes

import (
	"context"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// drill is one fault, or a few in a row, in a world of its own.
type drill struct {
	name  string
	about string
	// short has the drill be part of a short run.
	short bool
	// contained has a full run leave it out, because another drill does the same and more.
	contained bool
	shape
	run func(ctx context.Context, w *world) error
	// excuses reports whether a finding is expected from the drill. Optional: without it no finding is expected.
	excuses func(w *world, f audit.Finding) bool
}

// drills are all of them. The one that takes longest begins first.
func drills() []drill {
	return slices.Concat(nodeDrills(), partitionDrills(), postgresDrills(), redisDrills())
}

// catchUp is how long the nodes work between two faults of one drill.
const catchUp = 3 * time.Second
