package bench

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// progress prints the current step: on a terminal in one line that is overwritten, elsewhere in a line for each step.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	began    time.Time
	done     int // of steps
	steps    int
	width    int // of the line on the terminal
}

func newProgress(out io.Writer, steps int) *progress {
	p := &progress{out: out, began: time.Now(), steps: steps}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// step begins a step.
func (p *progress) step(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.line(what)
}

// say prints a message that belongs to no step.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(fmt.Sprintf(format, args...))
}

func (p *progress) line(what string) {
	text := fmt.Sprintf("%5s  %2d/%d  %s", time.Since(p.began).Round(time.Second), min(p.done, p.steps), p.steps, what)
	if !p.terminal {
		fmt.Fprintln(p.out, text)
		return
	}
	length := utf8.RuneCountInString(text)
	fmt.Fprint(p.out, "\r"+text+strings.Repeat(" ", max(0, p.width-length)))
	p.width = length
}

// end completes the terminal's line.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && p.width > 0 {
		fmt.Fprintln(p.out)
	}
}
