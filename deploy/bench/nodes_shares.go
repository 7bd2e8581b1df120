package bench

import (
	"fmt"
	"runtime"
	"strconv"
	"time"

	"redrive/deploy/bench/report"
)

// The shares of the processors that are reported for each number of dispatchers. They show the limit.
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

// notBusy is the limit where no share is nearly used up. On a machine with other work, that work is the limit.
const notBusy = "bound by round trips to the stores, or by other processes of the machine"

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
		return notBusy
	}
	return fmt.Sprintf("bound by the %s, %.0f %%", limit, largest*100)
}
