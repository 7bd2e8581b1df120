//go:build containers

package docker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/containers"
)

// TestContainersOperations does the operations of an operator under load.
func TestContainersOperations(t *testing.T) {
	t.Parallel()
	w := start(t, "operations", containers.ProjectOptions{})
	w.hardened()
	w.published()
	w.scale(containers.Dispatcher, 3)
	w.scale(containers.API, 2)
	w.scale(containers.API, 1)
	w.scale(containers.Dispatcher, 1)
	w.terminate()
	w.downAndUp()
	w.finish()
}

// scale changes the number of containers of a service. No request to the API is lost.
func (w *world) scale(service string, count int) {
	w.t.Helper()
	refusals, began := w.load.Refusals(), time.Now()
	require.NoError(w.t, w.Scale(w.ctx, service, count))
	found, err := w.Containers(w.ctx, service)
	require.NoError(w.t, err)
	assert.Len(w.t, found, count)
	kind := audit.DispatcherStopped
	if service == containers.API {
		kind = audit.APIStopped
	}
	w.over("scaling "+service, began, []audit.Kind{kind})
	assert.Equal(w.t, refusals, w.load.Refusals(), "publications were refused while %s was scaled to %d, the last: %s", service, count, w.load.LastRefusal())
}

// terminate stops the dispatcher while attempts are in flight. It completes them and exits within its grace period.
func (w *world) terminate() {
	w.t.Helper()
	const held = 20
	hold := w.receiver.Hold(0, held)
	<-hold.Full()
	began := time.Now()
	stopped := make(chan error, 1)
	go func() {
		_, err := w.Compose(w.ctx, "stop", containers.Dispatcher)
		stopped <- err
	}()
	time.Sleep(2 * time.Second) // The attempts take longer than the signal, and less than their timeout.
	hold.Release()
	require.NoError(w.t, <-stopped)
	w.endedWell(containers.Dispatcher)
	for _, id := range hold.Held() {
		count := 0
		for _, r := range w.receiver.Requests() {
			if r.Delivery == id {
				count++
			}
		}
		assert.Equal(w.t, 1, count, "%s was sent once", id)
	}
	require.NoError(w.t, w.Up(w.ctx))
	w.over("SIGTERM to the dispatcher", began, []audit.Kind{audit.DispatcherStopped})
}

// downAndUp removes every container and starts new ones on the same volumes.
func (w *world) downAndUp() {
	w.t.Helper()
	began := time.Now()
	require.NoError(w.t, w.Down(w.ctx))
	left, err := w.Containers(w.ctx)
	require.NoError(w.t, err)
	assert.Empty(w.t, left)
	require.NoError(w.t, w.Up(w.ctx))
	w.over("down and up", began, []audit.Kind{audit.DispatcherStopped, audit.APIStopped, audit.PostgresStopped, audit.RedisPartitioned})
}

// TestContainersUpgrade replaces the images of the previous commit by those of this commit, under load.
func TestContainersUpgrade(t *testing.T) {
	t.Parallel()
	w := start(t, "upgrade", containers.ProjectOptions{Release: containers.Before})
	before, err := w.Container(w.ctx, containers.API)
	require.NoError(t, err)
	refusals, began := w.load.Refusals(), time.Now()
	require.NoError(t, w.Release(w.ctx, containers.Now))
	require.NoError(t, w.Up(w.ctx))
	w.over("the upgrade", began, []audit.Kind{audit.DispatcherStopped, audit.APIStopped})
	after, err := w.Container(w.ctx, containers.API)
	require.NoError(t, err)
	assert.NotEqual(t, before.ID, after.ID, "the container was replaced")
	assert.Equal(t, refusals, w.load.Refusals(), "publications were refused during the upgrade, the last: %s", w.load.LastRefusal())
	w.finish()
}
