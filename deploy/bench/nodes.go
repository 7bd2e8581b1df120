package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"redrive/deploy/bench/report"
	"redrive/deploy/chaos/proxy"
	"redrive/deploy/stack/process"
)

// rowNodes is how fast three dispatchers drain a backlog, each with a share of a core.
const rowNodes = "nodes"

const (
	mostNodes = 3
	// nodeCores is the share of a core that each dispatcher gets, so that two cores are enough for three of them and their servers.
	nodeCores = 0.3
	// storeDelay is what each round trip to PostgreSQL and Redis takes longer than on one machine.
	storeDelay = time.Millisecond
	// nodeConcurrency is the default of DISPATCHER_CONCURRENCY.
	nodeConcurrency = 200
	// nodeEndpoints share the backlog: one endpoint may have no more than a quarter of a dispatcher's attempts.
	nodeEndpoints = 8
)

// node is a dispatcher with a share of a core.
type node struct {
	service *process.Service
	quota   *quota
}

// nodes are dispatchers whose way to both stores is slow.
type nodes struct {
	session  *session
	services *services
	settings map[string]string
	proxies  []*proxy.Proxy
	running  []node
}

// roundNodes drains the same backlog with one, two and three dispatchers.
func roundNodes(ctx context.Context, s *session) (err error) {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	n := &nodes{session: s, services: running.(*services)}
	defer func() { err = errors.Join(err, n.end(), n.services.clear(context.WithoutCancel(ctx))) }()
	if err := n.prepare(); err != nil {
		return err
	}
	for count := 1; count <= mostNodes; count++ {
		if err := n.measure(ctx, count); err != nil {
			return fmt.Errorf("%s: %w", dispatchers(count), err)
		}
	}
	return nil
}

// prepare puts proxies before both stores.
func (n *nodes) prepare() error {
	redisURL, err := n.session.servers.redisURL(redisSystem)
	if err != nil {
		return err
	}
	n.settings = settingsOf(n.services.database, redisURL)
	for _, name := range []string{"DATABASE_URL", "REDIS_URL"} {
		address, err := url.Parse(n.settings[name])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		slow, err := proxy.New(address.Host)
		if err != nil {
			return err
		}
		n.proxies = append(n.proxies, slow)
		slow.Delay(storeDelay)
		address.Host = slow.Addr()
		n.settings[name] = address.String()
	}
	return nil
}

// end ends what is there. It may be called at any time.
func (n *nodes) end() (err error) {
	err = n.kill()
	for _, slow := range n.proxies {
		err = errors.Join(err, slow.Close())
	}
	n.proxies = nil
	return err
}

// kill ends the dispatchers and removes their groups.
func (n *nodes) kill() (err error) {
	for _, one := range n.running {
		if one.service.Running() {
			err = errors.Join(err, one.service.Kill())
		}
		if one.quota != nil {
			err = errors.Join(err, one.quota.close())
		}
	}
	n.running = nil
	return err
}

// start starts dispatchers and stops them for now, so that all begin at once.
func (n *nodes) start(count int) error {
	programs, err := n.session.programs()
	if err != nil {
		return err
	}
	for i := range count {
		one := node{service: newService(&n.session.opened, dispatcherProgram, programs, n.settings)}
		if err := one.service.Start(nil); err != nil {
			return err
		}
		one.quota, err = newQuota(controlGroups, fmt.Sprintf("redrive-bench-%d-%d", one.service.PID(), i), nodeCores)
		n.running = append(n.running, one)
		if err != nil {
			return err
		}
		if err := errors.Join(one.quota.add(one.service.PID()), one.service.Freeze()); err != nil {
			return err
		}
	}
	return nil
}

// measure drains a backlog with so many dispatchers.
func (n *nodes) measure(ctx context.Context, count int) error {
	s, deliveries := n.session, n.session.amounts.nodes
	if err := errors.Join(n.services.clear(ctx), n.services.pause(ctx)); err != nil {
		return err
	}
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	c, err := s.customerTo(ctx, r.url(pathSlow), nodeEndpoints)
	if err != nil {
		return err
	}
	defer c.close()
	s.progress.say("%s: %d deliveries for %s", rowNodes, deliveries, dispatchers(count))
	if err := errors.Join(n.start(count), publishAll(ctx, c, deliveries/nodeEndpoints)); err != nil {
		return err
	}
	drained := deliveries / nodeEndpoints * nodeEndpoints
	r.expect(drained)
	before, err := n.usage()
	if err != nil {
		return err
	}
	for _, one := range n.running {
		if err := one.service.Thaw(); err != nil {
			return err
		}
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, n.services.store())); err != nil {
		return err
	}
	elapsed := time.Since(r.first())
	after, err := n.usage()
	if err != nil {
		return err
	}
	n.note(count, report.Rate(drained, elapsed), after.since(before), elapsed)
	return n.kill()
}
