package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"redrive/pkg/webhook"
)

// bulkSum is the progress of several jobs.
type bulkSum struct {
	jobs, ended    int
	handled, total int64
}

func sumOf(jobs []webhook.BulkJob) (sum bulkSum) {
	sum.jobs = len(jobs)
	for _, job := range jobs {
		sum.handled += job.Processed
		sum.total += max(job.Total, job.Processed)
		if job.Status != webhook.BulkRunning {
			sum.ended++
		}
	}
	return sum
}

// bulkProgress shows the progress of jobs.
type bulkProgress interface {
	show(sum bulkSum)
	// clear makes room for another line.
	clear()
}

// newBulkProgress returns a progress bar for a terminal, and plain lines otherwise.
func newBulkProgress(out io.Writer, terminal bool) bulkProgress {
	if terminal {
		return &bulkBar{out: out}
	}
	return &bulkLines{out: out}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// bulkLinesEvery is the shortest time between two lines of progress.
const bulkLinesEvery = 10 * time.Second

// bulkLines prints a line from time to time while there is progress.
type bulkLines struct {
	out  io.Writer
	last bulkSum
	at   time.Time
}

func (l *bulkLines) show(sum bulkSum) {
	if l.at.IsZero() {
		l.at = time.Now()
	}
	if sum == l.last || time.Since(l.at) < bulkLinesEvery {
		return
	}
	l.last, l.at = sum, time.Now()
	_, _ = fmt.Fprintf(l.out, "%d of %d deliveries handled, %d of %d jobs ended\n", sum.handled, sum.total, sum.ended, sum.jobs)
}

func (l *bulkLines) clear() {}

// bulkBar draws one bar for all jobs.
type bulkBar struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

// show draws the bar again. A full bar cannot be drawn again, so it is replaced if jobs are still running.
func (b *bulkBar) show(sum bulkSum) {
	if sum.ended == sum.jobs {
		return // all results are printed
	}
	total := max(sum.total, 1)
	if b.bar == nil || b.bar.IsFinished() {
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.out), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
			progressbar.OptionSetItsString("deliveries"), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
	}
	// The bar fails only with its terminal.
	b.bar.Describe(fmt.Sprintf("%d of %d jobs ended", sum.ended, sum.jobs))
	b.bar.ChangeMax64(total)
	_ = b.bar.Set64(sum.handled)
}

func (b *bulkBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}
