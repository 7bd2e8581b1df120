package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The processes whose usage is reported.
const (
	processAPI        = "API"
	processDispatcher = "dispatcher"
	processPostgres   = "PostgreSQL"
	processEmbedded   = "redrive"
	processRedis      = "Redis"
	processBench      = "load and receiver"
	processOwn        = "own" // the API and the dispatcher together
)

// watched is a process, or a process with all its children.
type watched struct {
	name   string
	pid    int
	family bool
}

// usage is what a process has used since its start.
type usage struct {
	cpu    time.Duration
	memory float64 // Bytes: the peak of one process, or the unshared memory of a process with its children.
}

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux that Go runs on (man 5 proc_pid_stat).
const tick = 10 * time.Millisecond

// errNoProc is returned on systems other than Linux.
var errNoProc = errors.New("there is no /proc to read processes' times from")

func (w watched) usage() (usage, error) {
	u, err := usageOf(w.pid, w.family)
	if err != nil || !w.family {
		return u, err
	}
	for _, child := range childrenOf(w.pid) {
		of, err := usageOf(child, true)
		if err != nil {
			continue // It has ended meanwhile, and its times are included in its parent's.
		}
		u.cpu += of.cpu
		u.memory += of.memory
	}
	return u, nil
}

func usageOf(pid int, family bool) (usage, error) {
	stat, err := statOf(pid)
	if err != nil {
		return usage{}, err
	}
	u := usage{cpu: stat.cpu}
	if family {
		u.cpu += stat.reaped
	}
	status, err := os.ReadFile(procFile(pid, "status"))
	if err != nil {
		return usage{}, fmt.Errorf("read a process's memory: %w", err)
	}
	field := "VmHWM:"
	if family {
		field = "RssAnon:"
	}
	u.memory, err = kilobytes(string(status), field)
	return u, err
}

type stat struct {
	parent      int
	cpu, reaped time.Duration
}

// statOf reads /proc/PID/stat. The name, in brackets, may contain spaces and brackets, so that fields are counted from its end.
func statOf(pid int) (stat, error) {
	content, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		if _, noProc := os.Stat("/proc/self/stat"); noProc != nil {
			err = errNoProc
		}
		return stat{}, fmt.Errorf("read a process's times: %w", err)
	}
	return parseStat(content)
}

func parseStat(content []byte) (stat, error) {
	const parent, user, system, reapedUser, reapedSystem = 1, 11, 12, 13, 14 // after the name: the fourth field of the file is 1
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) <= reapedSystem {
		return stat{}, fmt.Errorf("read a process's times: %q is too short", content)
	}
	numbers := make([]int, len(fields))
	for _, i := range []int{parent, user, system, reapedUser, reapedSystem} {
		var err error
		if numbers[i], err = strconv.Atoi(fields[i]); err != nil {
			return stat{}, fmt.Errorf("read a process's times: %w", err)
		}
	}
	return stat{
		parent: numbers[parent],
		cpu:    time.Duration(numbers[user]+numbers[system]) * tick,
		reaped: time.Duration(numbers[reapedUser]+numbers[reapedSystem]) * tick,
	}, nil
}

// kilobytes reads a line of /proc/PID/status, as bytes.
func kilobytes(status, field string) (float64, error) {
	_, rest, found := strings.Cut(status, field)
	value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	amount, err := strconv.ParseFloat(value, 64)
	if !found || err != nil {
		return 0, fmt.Errorf("read a process's memory: no %s in its status", field)
	}
	return amount * 1024, nil
}

func childrenOf(pid int) []int {
	var children []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		child, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		if s, err := statOf(child); err == nil && s.parent == pid {
			children = append(children, child)
		}
	}
	return children
}

func procFile(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }
