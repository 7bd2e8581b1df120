package testservers

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func signalWhenOrphaned(attr *syscall.SysProcAttr, sig syscall.Signal) {
	attr.Pdeathsig = sig
}

// descendants returns the IDs of the descendants of a process. It reads /proc, because small container images have no ps.
func descendants(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		state, parent, err := readStat(pid)
		if err != nil || ended(state) {
			continue // the process has ended meanwhile
		}
		children[parent] = append(children[parent], pid)
	}
	return below(root, children), nil
}

// alive reports whether a process exists and is not a zombie. In a container whose first process does not reap them, orphans stay zombies
// for ever.
func alive(pid int) bool {
	state, _, err := readStat(pid)
	return err == nil && !ended(state)
}

func ended(state string) bool {
	return state == "Z" || state == "X"
}

// readStat returns the state of a process and the ID of its parent.
func readStat(pid int) (state string, parent int, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, err
	}
	// The second field is the program's name in parentheses. The name may contain any characters, also parentheses and spaces.
	line := string(data)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 2 {
		return "", 0, fmt.Errorf("unexpected content of /proc/%d/stat", pid)
	}
	parent, err = strconv.Atoi(fields[1])
	return fields[0], parent, err
}
