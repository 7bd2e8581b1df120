package nodes

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Result is what came of a drill.
type Result struct {
	Drill    string
	Measures []measure
	Took     time.Duration
	// Accepted is the deliveries that the API answered for. Lost are those of them that an asynchronous standby did not have, which the
	// drill has to find; any other loss is a problem. Excused are all findings of that kind.
	Accepted, Lost, Excused int
	// Requests are those that the receiver got. Superseded and Unrecorded of them were sent beyond what the record needed; InFlight is how
	// many were open at faults.
	Requests, Superseded, Unrecorded, InFlight int
	// Retried is how many retries by hand were confirmed.
	Retried int
	// Problems are broken promises.
	Problems []string
}

// OK reports whether no promise was broken.
func (r *Result) OK() bool { return len(r.Problems) == 0 }

// maxShown is how many problems of one drill are shown.
const maxShown = 20

// Print writes the table of all drills.
func Print(out io.Writer, results []*Result) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\ndrill\tfault\tlasted s\taccepted s\tsent by all s\terrors s\t503\tbroken\t")
	for _, r := range results {
		for i, m := range r.Measures {
			name := r.Drill
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", name, m.what, seconds(m.lasted), seconds(m.accepted), seconds(m.sent),
				seconds(m.errors), m.refused, m.broken, m.note)
		}
	}
	fmt.Fprintln(table, "\ndrill\taccepted\tlost\trequests\tsuperseded\tnot on record\tin flight at faults\tretries confirmed\ttook s\tverdict")
	for _, r := range results {
		verdict := "ok"
		if !r.OK() {
			verdict = fmt.Sprintf("%d problems", len(r.Problems))
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", r.Drill, r.Accepted, r.Lost, r.Requests, r.Superseded, r.Unrecorded, r.InFlight,
			r.Retried, seconds(r.Took), verdict)
	}
	_ = table.Flush() // an error of the terminal's
	for _, r := range results {
		for i, problem := range r.Problems {
			if i < maxShown {
				fmt.Fprintf(out, "\n  VIOLATION  %s: %s", r.Drill, problem)
			}
		}
	}
	fmt.Fprintln(out)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
