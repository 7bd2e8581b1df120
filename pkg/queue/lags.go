package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// lagsKey is a hash: the name of a dispatcher → the time of its last report in milliseconds by Redis's clock, a space, and the report.
	lagsKey = ownPrefix + "lags"
	// lagsLife is how long a report is valid. The reports of a stopped dispatcher end with it.
	lagsLife = 300 * time.Millisecond
	// mostLags bounds a report. Those of the largest lags are in it.
	mostLags = 64
)

// reportLagsScript keeps the report of a dispatcher, or removes it if it is empty. KEYS: lags. ARGV: name, report, its life in ms.
var reportLagsScript = redis.NewScript(`
if ARGV[2] == "" then
	return redis.call("HDEL", KEYS[1], ARGV[1])
end
local now = redis.call("TIME")
redis.call("HSET", KEYS[1], ARGV[1], string.format("%.0f", now[1] * 1000 + math.floor(now[2] / 1000)) .. " " .. ARGV[2])
return redis.call("PEXPIRE", KEYS[1], ARGV[3])`)

// ReportLags reports for how long deliveries of organizations waited for this dispatcher, which is busy. The report replaces the last one
// and is valid for 300 ms. An empty one ends it.
func (l *Lanes) ReportLags(ctx context.Context, lags map[string]time.Duration) error {
	report := ""
	if len(lags) > 0 {
		content, err := json.Marshal(largestLags(lags))
		if err != nil {
			return fmt.Errorf("report lags: %w", err)
		}
		report = string(content)
	}
	if err := reportLagsScript.Run(ctx, l.redis, []string{lagsKey}, l.name, report, lagsLife.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("report lags: %w", err)
	}
	return nil
}

// largestLags returns the lags in milliseconds.
func largestLags(lags map[string]time.Duration) map[string]int64 {
	organizations := slices.Collect(maps.Keys(lags))
	slices.SortFunc(organizations, func(a, b string) int { return cmp.Compare(lags[b], lags[a]) })
	largest := map[string]int64{}
	for _, organization := range organizations[:min(len(organizations), mostLags)] {
		largest[organization] = lags[organization].Milliseconds()
	}
	return largest
}

// readLagsScript returns the valid reports, and removes the others. KEYS: lags. ARGV: the life of a report in ms.
var readLagsScript = redis.NewScript(`
local now = redis.call("TIME")
now = now[1] * 1000 + math.floor(now[2] / 1000)
local entries, reports = redis.call("HGETALL", KEYS[1]), {}
for i = 1, #entries, 2 do
	local at, report = string.match(entries[i + 1], "^(%d+) (.*)$")
	if at and now - tonumber(at) <= tonumber(ARGV[1]) then
		reports[#reports + 1] = report
	else
		redis.call("HDEL", KEYS[1], entries[i])
	end
end
return reports`)

// ReadLags returns for how long deliveries of organizations wait for dispatchers that are busy, as they reported it within the last
// 300 ms. Of several dispatchers the longest time counts.
func (l *Lanes) ReadLags(ctx context.Context) (map[string]time.Duration, error) {
	reports, err := readLagsScript.Run(ctx, l.redis, []string{lagsKey}, lagsLife.Milliseconds()).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("read lags: %w", err)
	}
	lags := map[string]time.Duration{}
	for _, report := range reports {
		var read map[string]int64
		if err := json.Unmarshal([]byte(report), &read); err != nil {
			return nil, fmt.Errorf("read lags: %w", err)
		}
		for organization, milliseconds := range read {
			lags[organization] = max(lags[organization], time.Duration(milliseconds)*time.Millisecond)
		}
	}
	return lags, nil
}
