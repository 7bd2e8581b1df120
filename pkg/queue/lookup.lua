-- Reads the state of a task, and removes what is not a complete task.
--
-- KEYS: the task's hash, then pending, active, lease, scheduled, retry, archived, completed
-- ARGV: the task's ID; the end of the lease for which an active task is removed (empty for none); 1 to search the pending list
-- Returns the state that asynq recorded, or missing, orphan or phantom; and the task's time in its sorted set, or 0.

if redis.call("EXISTS", KEYS[1]) == 0 then
	return {"missing", 0}
end
local state = redis.call("HGET", KEYS[1], "state")

if redis.call("HEXISTS", KEYS[1], "msg") == 1 then
	if state == "active" then
		local lease = redis.call("ZSCORE", KEYS[4], ARGV[1])
		if lease and tonumber(lease) ~= tonumber(ARGV[2]) then
			return {state, 0}
		end
	elseif state == "pending" then
		-- Search from the right, where tasks are dequeued: an old task is near that end.
		if ARGV[3] == "0" or redis.call("LPOS", KEYS[2], ARGV[1], "RANK", -1) then
			return {state, 0}
		end
	else
		local sets = {scheduled = KEYS[5], retry = KEYS[6], archived = KEYS[7], completed = KEYS[8]}
		local score = sets[state] and redis.call("ZSCORE", sets[state], ARGV[1])
		if score then
			return {state, math.floor(tonumber(score))}
		end
	end
end

redis.call("LREM", KEYS[3], 0, ARGV[1])
if state ~= "active" then
	redis.call("LREM", KEYS[2], 0, ARGV[1])
end
for i = 4, 8 do
	redis.call("ZREM", KEYS[i], ARGV[1])
end
redis.call("DEL", KEYS[1])
if state == "active" then
	return {"orphan", 0}
end
return {"phantom", 0}
