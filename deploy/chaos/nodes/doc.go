// Package nodes runs Redrive on several nodes with addresses of their own and breaks single nodes and single links under load. `make nodes`
// runs it on a Docker engine.
//
//	lab    what one run makes on the engine: an image, programs, containers and networks that carry one label
//	node   one container; it can be killed, paused, cut off from addresses and healed
//	world  the nodes of one drill, the load on them, and what was measured
//	drill  one fault, or a few in a row
//
// The nodes of a world:
//
//	edge       proxy ──► api-0, api-1
//	data       api-0, api-1, dispatcher-0 … dispatcher-2, postgres-0 (primary), postgres-1 (streaming standby),
//	           redis-0 (primary), redis-1, redis-2, sentinel-0 … sentinel-2; or redis-0 … redis-2 as a Redis Cluster
//	receivers  dispatcher-0 … dispatcher-2, and the receiver of package chaos at the gateway
//
// No image is pulled or built. The image of all containers has directories alone: containers see /usr of this machine, read-only, and run
// its PostgreSQL, Redis and HAProxy, and the services as they are built from source. A drill promotes the standby of PostgreSQL itself.
//
// A cut drops packets in the network namespace of the node, as a failed switch does: connections stay open, and neither end gets an error.
// The verdict comes from package audit, like that of package chaos.
package nodes
