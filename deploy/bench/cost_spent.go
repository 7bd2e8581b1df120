package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// spent is what the processes and the stores have used and written.
type spent struct {
	taken
	position  string                   // of the WAL
	cpu       map[string]time.Duration // by process
	objects   map[string]float64       // that were allocated, by process
	allocated map[string]float64       // bytes, by process
}

// spentNow reads all counters. Each takes some commands of its own.
func (v *services) spentNow(ctx context.Context) (now spent, err error) {
	now = spent{cpu: map[string]time.Duration{}, objects: map[string]float64{}, allocated: map[string]float64{}}
	if now.taken, err = v.takenNow(ctx); err != nil {
		return now, err
	}
	if now.position, err = v.database.walPosition(ctx); err != nil {
		return now, err
	}
	for _, process := range v.processes() {
		used, err := process.usage()
		if errors.Is(err, errNoProc) || process.name == processBench {
			continue
		}
		if err != nil {
			return now, fmt.Errorf("see what the %s took: %w", process.name, err)
		}
		now.cpu[process.name] = used.cpu
	}
	for process, url := range v.opsURLs() {
		metrics, err := scrape(ctx, url)
		if err != nil {
			return now, fmt.Errorf("ask the %s what it has allocated: %w", process, err)
		}
		now.objects[process], now.allocated[process] = metrics["go_memstats_mallocs_total"], metrics["go_memstats_alloc_bytes_total"]
	}
	return now, nil
}

// opsURLs are the addresses of metrics and profiles, by process.
func (v *services) opsURLs() map[string]string {
	return map[string]string{processAPI: v.api.OpsURL(), processDispatcher: v.dispatcher.OpsURL()}
}

func (s spent) since(before spent) spent {
	difference := spent{
		taken: s.taken.since(before.taken),
		cpu:   map[string]time.Duration{}, objects: map[string]float64{}, allocated: map[string]float64{},
	}
	for process := range s.cpu {
		difference.cpu[process] = s.cpu[process] - before.cpu[process]
	}
	for process := range s.objects {
		difference.objects[process] = s.objects[process] - before.objects[process]
		difference.allocated[process] = s.allocated[process] - before.allocated[process]
	}
	return difference
}

// note adds the samples of an operation that was done count times.
func (s spent) note(samples *report.Samples, operation string, count int) {
	add := func(amount string, value float64) {
		samples.Add(report.Detail(rowCost, operation+": "+amount), value/float64(count))
	}
	for process, cpu := range s.cpu {
		add(process+" CPU", float64(cpu.Microseconds()))
	}
	for process := range s.objects {
		add(process+" "+costAllocations, s.objects[process])
		add(process+" "+costAllocated, s.allocated[process])
	}
	add(costWAL, s.wal)
	add(costCommands, s.commands)
	add(costScripts, s.scripts)
}
