package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
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

// The shares that are told of each number of dispatchers, and that show the limit.
const (
	shareQuota    = "share of the dispatchers' cores"
	shareMachine  = "share of the machine's cores"
	shareRedis    = "share of Redis's core"
	shareInFlight = "share of the attempts in flight"
)

// dispatchers names a detail.
func dispatchers(count int) string {
	if count == 1 {
		return "1 dispatcher"
	}
	return strconv.Itoa(count) + " dispatchers"
}

func nodesRow() report.Definition {
	var details []report.Definition
	for count := 1; count <= mostNodes; count++ {
		if count < mostNodes {
			details = append(details, report.Definition{Name: dispatchers(count), Unit: "deliveries/s"})
		}
		for _, share := range []string{shareQuota, shareMachine, shareRedis, shareInFlight} {
			details = append(details, report.Definition{Name: dispatchers(count) + ": " + share, Unit: "of 1"})
		}
	}
	return report.Definition{
		Name: rowNodes, Unit: "deliveries/s", Chart: chartDelivering, Details: details,
		Ratios: []report.Ratio{{To: report.Detail(rowNodes, dispatchers(1)), Label: dispatchers(1), Goals: []report.Goal{report.AtLeast(2.5)}}},
	}
}

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
	c, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for range nodeEndpoints {
		if _, err := c.createEndpoint(ctx, r.url(pathSlow), eventType, 0); err != nil {
			return err
		}
	}
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

// nodesUsage is the processor time of the dispatchers, of Redis, and of all that works for them.
type nodesUsage struct{ dispatchers, redis, all time.Duration }

func (u nodesUsage) since(before nodesUsage) nodesUsage {
	return nodesUsage{u.dispatchers - before.dispatchers, u.redis - before.redis, u.all - before.all}
}

func (n *nodes) usage() (used nodesUsage, err error) {
	var list []watched
	for _, one := range n.running {
		list = append(list, watched{name: processDispatcher, pid: one.service.PID()})
	}
	for _, process := range n.services.processes() {
		if process.name != processDispatcher { // it is stopped
			list = append(list, process)
		}
	}
	for _, process := range list {
		u, err := process.usage()
		if err != nil {
			return nodesUsage{}, fmt.Errorf("read the processor time of the %s: %w", process.name, err)
		}
		used.all += u.cpu
		switch process.name {
		case processDispatcher:
			used.dispatchers += u.cpu
		case processRedis:
			used.redis += u.cpu
		}
	}
	return used, nil
}

// note adds a rate, and the shares of what may be its limit.
func (n *nodes) note(count int, rate float64, used nodesUsage, elapsed time.Duration) {
	row := rowNodes
	if count < mostNodes {
		row = report.Detail(rowNodes, dispatchers(count))
	}
	shares := map[string]float64{
		shareQuota:    used.dispatchers.Seconds() / elapsed.Seconds() / (nodeCores * float64(count)),
		shareMachine:  used.all.Seconds() / elapsed.Seconds() / float64(runtime.NumCPU()),
		shareRedis:    used.redis.Seconds() / elapsed.Seconds(),
		shareInFlight: rate * slowAnswer.Seconds() / float64(nodeConcurrency*count),
	}
	n.session.samples.Add(row, rate)
	n.session.samples.Note(row, limitOf(shares))
	for share, value := range shares {
		n.session.samples.Add(report.Detail(rowNodes, dispatchers(count)+": "+share), value)
	}
}

// limitOf names what bounds a rate: the largest share, if it is nearly used up. Otherwise the dispatchers wait for round trips to the stores.
func limitOf(shares map[string]float64) string {
	const nearly = 0.85
	limit, largest := "", 0.0
	for _, share := range []string{shareQuota, shareMachine, shareRedis, shareInFlight} {
		if shares[share] > largest {
			limit, largest = share, shares[share]
		}
	}
	if largest < nearly {
		return "bound by round trips to the stores"
	}
	return fmt.Sprintf("bound by the %s, %.0f %%", limit, largest*100)
}
