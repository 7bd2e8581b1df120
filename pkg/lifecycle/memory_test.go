package lifecycle

import (
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/stretchr/testify/assert"

	"redrive/pkg/testlog"
)

func TestLimitMemoryFollowsCgroup(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for name, c := range map[string]struct {
		variable  string
		container memlimit.Provider
		want      int64
		logged    int
	}{
		"a limit":                   {"", memlimit.Limit(1000 << 20), 900 << 20, 0},
		"no limit":                  {"", func() (uint64, error) { return 0, memlimit.ErrNoLimit }, math.MaxInt64, 0},
		"the variable has its way":  {"600MiB", memlimit.Limit(1000 << 20), 700 << 20, 0},
		"a limit without an answer": {"", func() (uint64, error) { return 0, errors.New("broken") }, 700 << 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv("GOMEMLIMIT", c.variable)
			}
			debug.SetMemoryLimit(700 << 20)
			var log testlog.Buffer
			limitMemory(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), c.container)
			assert.Equal(t, c.want, debug.SetMemoryLimit(-1))
			assert.Equal(t, c.logged, log.Count("the container's memory limit cannot be read"))
		})
	}
}
