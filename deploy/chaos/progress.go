package chaos

import (
	"fmt"
	"sync"
	"time"
)

const progressInterval = 2 * time.Second

// showProgress writes a line every few seconds, until it is stopped.
func (r *run) showProgress() (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				fmt.Fprintln(r.options.Progress, r.progress())
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

func (r *run) progress() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	since := time.Since(r.began).Round(time.Second)
	if r.load == nil {
		return fmt.Sprintf("%5s  %s", since, r.step)
	}
	return fmt.Sprintf("%5s  accepted %d of %d, requests %d, problems %d  %s",
		since, r.load.Count(), r.options.Deliveries, r.receiver.Count(), len(r.Problems()), r.step)
}
