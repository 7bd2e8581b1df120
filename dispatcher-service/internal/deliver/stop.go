package deliver

import "context"

// Drain begins a stop: no attempt starts any more. An attempt could outlast the stop, and its task would be handed to another
// process meanwhile. Deliveries that are loaded or wait for the database return to the queue. It may be called more than once.
func (d *Deliverer) Drain() { d.drain.Do(func() { close(d.outage.draining) }) }

// Abandon ends a stop: outcomes that are not recorded by now are given up, and another process makes their attempts again. It
// may be called more than once.
func (d *Deliverer) Abandon() {
	d.abandon.Do(func() {
		close(d.abandoned)
		d.shortage.stop()
	})
}

// CheckResources returns an error while attempts are postponed because this process lacks resources. It is a health probe.
func (d *Deliverer) CheckResources(context.Context) error { return d.shortage.check() }

// Forget informs the delivery's bulkhead that its task was removed from the queue: the delivery waits in the database.
func (d *Deliverer) Forget(id string) { d.options.Gate.Forget(id) }
