package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"redrive/deploy/stack/process"
)

const (
	// fakeTime moves the clock of C programs. It has no effect on Go programs.
	fakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
	// plainMemory makes a program allocate memory with libc. The allocator of Redis reads the clock when it starts, which needs memory in
	// fakeTime.
	plainMemory = "/usr/lib/x86_64-linux-gnu/libc.so.6"
)

// clockOf adds to the environment of a server the variables that move its clock.
func (w *world) clockOf(server string, env map[string]string) map[string]string {
	ahead := w.clocks[server]
	if ahead == 0 {
		return env
	}
	env = maps.Clone(env)
	env["LD_PRELOAD"], env["FAKETIME"], env["FAKETIME_DONT_FAKE_MONOTONIC"] = fakeTime+":"+plainMemory, fmt.Sprintf("%+.1fs", ahead.Seconds()), "1"
	return env
}

// aheadVariable is how many seconds the clock of a program is ahead that movableClock describes.
const aheadVariable = "REDRIVE_CLOCK_AHEAD"

// readClock is the line of package time that reads the clock. movedClock replaces it.
const (
	readClock  = "	sec, nsec, mono := runtimeNow()\n"
	movedClock = readClock + "	sec += clockAhead\n"
	clockAhead = `
// clockAhead is how many seconds the clock is ahead.
var clockAhead = func() (ahead int64) {
	text, _ := syscall.Getenv("` + aheadVariable + `")
	for _, digit := range text {
		ahead = ahead*10 + int64(digit-'0')
	}
	return ahead
}()
`
)

// movableClock describes the services, built with a package time whose clock is ahead by a variable of the environment. The libraries of a
// service use that clock too. Timers are not affected.
func movableClock(ctx context.Context, dir string) ([]process.Source, error) {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find package time: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	text, err := os.ReadFile(filepath.Clean(original))
	if err != nil {
		return nil, fmt.Errorf("read package time: %w", err)
	}
	source, err := moveClock(string(text))
	if err != nil {
		return nil, err
	}
	replacement, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	description, _ := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})            // it cannot fail
	err = errors.Join(os.WriteFile(replacement, []byte(source), 0o600), os.WriteFile(overlay, description, 0o600)) //nolint:gosec // dir is made here
	if err != nil {
		return nil, fmt.Errorf("write an overlay of package time: %w", err)
	}
	moved := sources()
	for i := range moved {
		moved[i].Overlay = overlay
	}
	return moved, nil
}

// moveClock changes the source of package time.
func moveClock(source string) (string, error) {
	if strings.Count(source, readClock) != 1 {
		return "", errors.New("package time does not read the clock as it did: adapt what is replaced in it")
	}
	source = strings.Replace(source, readClock, movedClock, 1)
	return strings.Replace(source, "import (\n", "import (\n\t\"syscall\"\n", 1) + clockAhead, nil
}

// ahead is how far the clock of a dispatcher is ahead.
func (w *world) ahead(dispatcher int) time.Duration {
	return w.clocks[fmt.Sprintf("dispatcher-%d", dispatcher)]
}
