package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/bench/report"
	"redrive/pkg/queue"
)

// machine describes the machine of the figures, in a few words each.
func (s *session) machine(ctx context.Context) []string {
	facts := []string{
		fmt.Sprintf("%s, %d cores, %s/%s, load %s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, loadAverage()),
		"a synced write of 8 KB takes " + syncedWrite(),
		runtime.Version(),
	}
	if version := s.servers.versions.postgres; version != "" {
		facts = append(facts, "PostgreSQL "+version)
	}
	if version := s.servers.versions.redis; version != "" {
		facts = append(facts, "Redis "+version)
	}
	return append(facts, "Redrive "+gitVersion(ctx))
}

const unknown = "unknown"

func cpuModel() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown + " processor"
	}
	return modelName(string(content))
}

func modelName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		name, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown + " processor"
}

func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return unknown
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}

// versionTimeout bounds the query for the version of a server that has just answered another query.
const versionTimeout = 5 * time.Second

func postgresVersion(url string) string {
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return unknown
	}
	defer func() { _ = conn.Close(ctx) }()
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
		return unknown
	}
	number, _, _ := strings.Cut(version, " ")
	return number
}

func redisVersion(url string) string {
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	client, err := queue.Connect(url)
	if err != nil {
		return unknown
	}
	defer func() { _ = client.Close() }()
	text, err := client.Info(ctx, "server").Result()
	if err != nil {
		return unknown
	}
	version, _ := infoField(text, "redis_version")
	return version
}

func gitVersion(ctx context.Context) string {
	said, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(string(said))
}

// syncedWrite returns the median time of a synchronous write to the disk, which is the least time of a commit. If it is close to zero, the
// temporary directory is in memory, and every figure of PostgreSQL is too good.
func syncedWrite() string {
	const writes, size = 40, 8192
	file, err := os.Create(filepath.Clean(filepath.Join(os.TempDir(), fmt.Sprintf("redrive-bench-sync-%d", os.Getpid()))))
	if err != nil {
		return unknown
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	page := make([]byte, size)
	took := make([]time.Duration, writes)
	for i := range took {
		began := time.Now()
		if _, err := file.WriteAt(page, 0); err != nil {
			return unknown
		}
		if err := file.Sync(); err != nil {
			return unknown
		}
		took[i] = time.Since(began)
	}
	return report.Percentile(took, 0.5).Round(10 * time.Microsecond).String()
}
