package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/journal"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/containers"
)

// The networks of a world.
const (
	edge      = "edge"
	data      = "data"
	receivers = "receivers"
)

// shape is how the worlds of drills differ.
type shape struct {
	// synchronous has every commit wait for the standby of PostgreSQL.
	synchronous bool
	// cluster has a Redis Cluster of three nodes in the place of a primary, two replicas and three Sentinels.
	cluster bool
	// maxRetries of each endpoint. Defaults to that of the harness.
	maxRetries int
	// clocks is how far the clock of a node is ahead.
	clocks map[string]time.Duration
}

// world is the nodes of one drill under load.
type world struct {
	*lab
	shape
	id       string
	progress io.Writer
	subnets  map[string]string // the first three numbers of each network
	settings map[string]string

	postgres    []*node // the primary first; a drill changes the order
	redis       []*node
	sentinels   []*node
	proxy       *node
	apis        []*node
	dispatchers []*node

	receiver *receiver.Receiver
	load     *load.Load
	paths    map[string]string // of the endpoints at the receiver
	client   *http.Client
	answers  *answers
	retries  *retries
	halt     func() // ends the load and waits for it

	journal.Journal

	mutex    sync.Mutex
	keys     []string
	measures []measure
}

func (w *world) name(part string) string { return "redrive-nodes-" + w.id + "-" + part }

// mark is the label of everything that belongs to the world.
func (w *world) mark() string { return label + ".world=" + w.id }

// newWorld starts all nodes and the load. What there is has to be closed, even beside an error.
func (l *lab) newWorld(ctx context.Context, id string, s shape, progress io.Writer) (*world, error) {
	w := &world{lab: l, shape: s, id: id, progress: progress, subnets: map[string]string{}, halt: func() {}}
	for _, step := range []func(context.Context) error{
		w.makeNetworks, w.listen, w.startStores, w.configure, w.startServices, w.publish,
	} {
		if err := step(ctx); err != nil {
			return w, fmt.Errorf("start the nodes of %s: %w", id, err)
		}
	}
	return w, nil
}

// subnetTries bounds the search for addresses that nothing else on the engine has.
const subnetTries = 50

func (w *world) makeNetworks(ctx context.Context) error {
	for _, network := range []string{edge, data, receivers} {
		var err error
		for range subnetTries {
			subnet := fmt.Sprintf("10.219.%d", w.lab.subnets.Add(1)%256)
			_, err = containers.Docker(ctx, "network", "create", "--label", label+"=network", "--label", w.mark(), "--subnet", subnet+".0/24", w.name(network))
			if err == nil {
				w.subnets[network] = subnet
				break
			}
			if !strings.Contains(err.Error(), "overlap") {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// thinkTime is what the receiver takes for an answer on average, so that there is something in flight when something fails.
const thinkTime = 100 * time.Millisecond

// gateway is the address of this machine in a network.
func (w *world) gateway(network string) string { return w.subnets[network] + ".1" }

func (w *world) listen(context.Context) (err error) {
	w.receiver, err = receiver.New(receiver.Options{Think: thinkTime, Host: w.gateway(receivers), Sender: w.dispatcherOf})
	return err
}

// startStores starts PostgreSQL and Redis at the same time.
func (w *world) startStores(ctx context.Context) error {
	return together(
		func() error { return w.startPostgres(ctx) },
		func() error { return w.startRedis(ctx) },
	)
}

// close removes all nodes and networks of the world.
func (w *world) close(ctx context.Context) error {
	w.halt()
	failures := []error{remove(ctx, w.mark(), false)}
	if w.receiver != nil {
		failures = append(failures, w.receiver.Close())
	}
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	return errors.Join(failures...)
}

// nodes are all of them.
func (w *world) nodes() []*node {
	all := slices.Concat(w.postgres, w.redis, w.sentinels, w.apis, w.dispatchers)
	if w.proxy != nil {
		all = append(all, w.proxy)
	}
	return all
}

// apart are the addresses of all nodes but some.
func (w *world) apart(from ...*node) []string {
	return addresses(slices.DeleteFunc(w.nodes(), func(n *node) bool { return slices.Contains(from, n) })...)
}

// say writes one line of progress.
func (w *world) say(format string, args ...any) {
	fmt.Fprintf(w.progress, "%s %s: %s\n", time.Now().Format(time.TimeOnly), w.id, fmt.Sprintf(format, args...))
}

// together runs functions at the same time.
func together(functions ...func() error) error {
	failures := make([]error, len(functions))
	var group sync.WaitGroup
	for i, function := range functions {
		group.Go(func() { failures[i] = function() })
	}
	group.Wait()
	return errors.Join(failures...)
}
