package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Options of a run.
type Options struct {
	// Only are the rows to measure. Empty means all.
	Only []string
	// Rounds is the number of measurements of each row.
	Rounds int
	// Scale multiplies the counts and durations of the full run.
	Scale float64
	// Rows is the number of rows of the large table of the growth rows.
	Rows int
	// Bulk is the number of deliveries that the row bulk-drain retries.
	Bulk int
	// Embedded measures the one process of `make run`.
	Embedded bool
	// Gate returns an error if a gated goal or ratio was missed.
	Gate bool
	// JSON and SVG are the files to write. Empty means none.
	JSON, SVG string
	// Profiles is the folder for the CPU profiles of the services that the row cost takes. Empty means none.
	Profiles string
}

const (
	fullRounds, quickRounds = 3, 1
	fullScale, quickScale   = 1, 0.3
	embeddedScale           = 0.1 // The in-process queue reaches a tenth of the throughput of Redis.
	fullRows, quickRows     = 2_000_000, 200_000
	smallRows               = 10_000
	fullBulk, quickBulk     = 1_000_000, 50_000
)

// ErrHelp is returned if the arguments request help, which has been printed.
var ErrHelp = flag.ErrHelp

// ParseOptions reads the command line. It prints usage and errors to w.
func ParseOptions(args []string, w io.Writer) (Options, error) {
	var o Options
	var only string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.StringVar(&only, "only", "", "rows to measure, separated by commas: "+strings.Join(rowNames(), ", "))
	flags.StringVar(&o.JSON, "json", "", "file for the results as JSON")
	flags.StringVar(&o.SVG, "svg", "", "file for the results as a plot")
	flags.StringVar(&o.Profiles, "profiles", "", "folder for the CPU profiles that the row "+rowCost+" takes")
	flags.BoolVar(&quick, "quick", false, "a look in a few minutes: one round, less of everything, and no more than 200 thousand rows")
	flags.BoolVar(&o.Gate, "gate", false, "exit with status 1 if a ratio misses what it must reach")
	flags.BoolVar(&o.Embedded, "embedded", false, "measure the one process of `make run`, with SQLite and its queue inside")
	flags.IntVar(&o.Rounds, "rounds", fullRounds, "how often each row is measured; the median counts")
	flags.Float64Var(&o.Scale, "scale", fullScale, "multiplies the counts and durations of a round")
	flags.IntVar(&o.Rows, "rows", fullRows, "deliveries in the large table of the growth rows")
	flags.IntVar(&o.Bulk, "bulk", fullBulk, "deliveries that the row "+rowBulkDrain+" retries; by default it is multiplied by the scale")
	if err := flags.Parse(args); err != nil {
		return Options{}, err
	}
	if flags.NArg() > 0 {
		return Options{}, complain(flags, "there is nothing to do with %q", flags.Args())
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.shorten(quick, given)
	for name := range strings.SplitSeq(only, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case !slices.Contains(rowNames(), name):
			return Options{}, complain(flags, "there is no row %q", name)
		default:
			o.Only = append(o.Only, name)
		}
	}
	if o.Rounds < 1 || o.Scale <= 0 || o.Rows < smallRows || o.Bulk < 1 {
		return Options{}, complain(flags, "at least one round, a scale above 0, one delivery of a bulk job and %d rows are needed", smallRows)
	}
	return o, nil
}

// shorten reduces the options that were not given explicitly.
func (o *Options) shorten(quick bool, given map[string]bool) {
	if quick && !given["rounds"] {
		o.Rounds = quickRounds
	}
	if quick && !given["rows"] {
		o.Rows = quickRows
	}
	switch {
	case given["bulk"]:
	case given["scale"]:
		o.Bulk = max(1, int(fullBulk*o.Scale))
	case quick:
		o.Bulk = quickBulk
	}
	switch {
	case given["scale"]:
	case o.Embedded:
		o.Scale = embeddedScale
	case quick:
		o.Scale = quickScale
	}
}

func complain(flags *flag.FlagSet, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	_, printErr := fmt.Fprintln(flags.Output(), err)
	flags.Usage()
	return errors.Join(err, printErr)
}

func rowNames() []string {
	var names []string
	for _, definition := range catalog() {
		names = append(names, definition.Name)
	}
	return names
}
