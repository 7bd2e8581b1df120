package lifecycle

import (
	"context"
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the part of the container's memory limit that the Go runtime keeps to. The rest is for what it does not count.
const memoryShare = 0.9

// LimitMemory sets GOMEMLIMIT from the memory limit of the process's container (cgroup v1 or v2), so that the garbage collector works
// harder before the kernel ends the process. It changes nothing if GOMEMLIMIT is in the environment or there is no limit. A limit
// that cannot be read is logged.
func LimitMemory(ctx context.Context, log *slog.Logger) { limitMemory(ctx, log, memlimit.FromCgroup) }

func limitMemory(ctx context.Context, log *slog.Logger, container memlimit.Provider) {
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(container))
	if err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "the container's memory limit cannot be read", slog.Any("error", err))
		return
	}
	log.LogAttrs(ctx, slog.LevelDebug, "memory limit of the Go runtime", slog.Int64("bytes", limit))
}
