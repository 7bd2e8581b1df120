package chaos

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// maxShown is how many findings of one rule are shown.
const maxShown = 5

// Print writes the table.
func (r *Report) Print(w io.Writer) {
	kind := ""
	switch {
	case r.Options.Control != "":
		kind = ", without a safeguard: " + string(r.Options.Control)
	case r.Options.Short:
		kind = ", short"
	}
	fmt.Fprintf(w, "\nseed %d%s: %d deliveries, %d dispatchers, %s\n\n", r.Options.Seed, kind, r.Options.Deliveries, r.Options.Dispatchers, r.Took.Round(time.Second))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	r.printCounts(table)
	r.printRecoveries(table)
	r.printServices(table)
	_ = table.Flush() // an error of the terminal's
	r.printFindings(w)
}

func (r *Report) printCounts(w io.Writer) {
	row := func(name string, value any, note string) { fmt.Fprintf(w, "  %s\t%v\t%s\n", name, value, note) }
	row("accepted", r.Accepted, "from several organizations: "+r.Floods)
	row("lost", r.Lost, "")
	row("ended", r.Succeeded+r.Failed, fmt.Sprintf("%d success, %d failure", r.Succeeded, r.Failed))
	row("answer lost", r.Unanswered, "made all the same, and have to end too")
	row("requests", r.Requests, fmt.Sprintf("%d attempts on record", r.Attempts))
	row("duplicates", r.Duplicates, fmt.Sprintf("%d superseded, %d not on record, %d by clean stops; in flight when something died: %d",
		r.Superseded, r.Unrecorded, r.ByCleanStops, r.InFlight))
	row("violations", r.Violations(), fmt.Sprintf("with a tolerance of %d", r.Tolerance))
	row("left in Redis", r.Leftovers.Open, fmt.Sprintf("open tasks, %d of them phantoms; %d dead letters; %d would keep a retry waiting",
		r.Leftovers.Phantoms, r.Leftovers.DeadLetters, r.Leftovers.Blocking))
	row("publishing", r.PublishMedian.Round(time.Millisecond), fmt.Sprintf("median; at most %s while Redis was away; %d times tried again",
		r.SlowestWithoutRedis.Round(time.Millisecond), r.Refusals))
}

func (r *Report) printRecoveries(w io.Writer) {
	fmt.Fprintf(w, "\n  fault\ttimes\tseconds to recover\tlimit\n")
	for _, kind := range []audit.Kind{audit.RedisKilled, audit.RedisFlushed, audit.RedisPartitioned, audit.PostgresStopped, audit.PostgresPartitioned} {
		var first, waiting []string
		for _, recovery := range r.Recoveries {
			if recovery.Kind == kind {
				first = append(first, firstOf(recovery))
				waiting = append(waiting, fmt.Sprintf("%d in %s", recovery.Waiting, seconds(recovery.Last)))
			}
		}
		if len(first) > 0 {
			fmt.Fprintf(w, "  %s\t%d\t%s to the first send; all that waited: %s%s\t%s\n", kind, len(first), strings.Join(first, " "),
				strings.Join(waiting, ", "), r.meanwhile(kind), seconds(limitOf(kind)))
		}
	}
	if times := r.Times[audit.DispatcherKilled]; times > 0 {
		fmt.Fprintf(w, "  %s\t%d\t%s until the last of %d orphans was made again\t%s\n", audit.DispatcherKilled, times, seconds(longest(r.Remade)),
			len(r.Remade), seconds(orphanLimit))
	}
	if r.Waiting.Waiting > 0 {
		fmt.Fprintf(w, "  Redis emptied\t1\t%s until the lane of %d that waited was in backlog again\t%s\n", seconds(r.Waiting.After), r.Waiting.Waiting, seconds(queueLimit))
	}
	for _, kind := range []audit.Kind{audit.DispatcherStopped, audit.DispatcherFrozen, audit.APIKilled, audit.APIStopped} {
		if times := r.Times[kind]; times > 0 {
			fmt.Fprintf(w, "  %s\t%d\n", kind, times)
		}
	}
}

// meanwhile is the number of requests after the database had been down for a second. Dispatchers that have detected it send nothing.
func (r *Report) meanwhile(kind audit.Kind) string {
	if kind != audit.PostgresStopped {
		return ""
	}
	sent := 0
	for _, recovery := range r.Recoveries {
		if recovery.Kind == kind {
			sent += recovery.Meanwhile
		}
	}
	return fmt.Sprintf("; sent meanwhile: %d", sent)
}

func (r *Report) printServices(w io.Writer) {
	fmt.Fprintf(w, "\n  service\tgoroutines\tmemory\n")
	for _, g := range r.Gauges {
		fmt.Fprintf(w, "  %s\t%d\t%d MiB\n", g.Service, g.Goroutines, g.Memory>>20)
	}
}

func (r *Report) printFindings(w io.Writer) {
	shown := map[string]int{}
	for _, finding := range r.Findings {
		if shown[finding.Rule]++; shown[finding.Rule] <= maxShown {
			fmt.Fprintf(w, "\n  VIOLATION  %s: %s: %s", finding.Rule, finding.Delivery, finding.Detail)
		}
	}
	for rule, count := range shown {
		if count > maxShown {
			fmt.Fprintf(w, "\n  VIOLATION  %s: %d more", rule, count-maxShown)
		}
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(w, "\n  VIOLATION  %s", problem)
	}
	for _, missed := range r.Slow {
		fmt.Fprintf(w, "\n  TOO SLOW   %s", missed)
	}
	fmt.Fprintln(w)
}

// firstOf returns a dash if there was no waiting delivery without a dispatcher.
func firstOf(recovery audit.Recovery) string {
	if recovery.Unheld == 0 {
		return "-"
	}
	return seconds(recovery.First)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
