-- Reserves a turn as Limit.Reserve does. All times are in microseconds of Redis's clock.
--
-- KEYS: the endpoint's TAT
-- ARGV: the interval between two requests, the tolerance, the horizon
-- Returns how long the request has to wait. A wait beyond the horizon reserves nothing.

local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local tat = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), now) + tonumber(ARGV[1])
local wait = math.max(0, tat - tonumber(ARGV[2]) - now)
if wait <= tonumber(ARGV[3]) then
	redis.call("SET", KEYS[1], string.format("%.0f", tat), "EX", 60) -- a TAT is less than two seconds ahead
end
return wait
