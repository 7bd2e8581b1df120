package egress

import "net/netip"

// metadata are the addresses at which clouds serve credentials without authentication. Config.Allow opens one only with a prefix that is
// that address alone, not with 169.254.0.0/16 or ::/0.
var metadata = addrs(
	"169.254.169.254", // AWS, Google, Azure, and most others
	"169.254.170.2",   // AWS, tasks of ECS
	"169.254.170.23",  // AWS, pods of EKS
	"100.100.100.200", // Alibaba
	"168.63.129.16",   // Azure's platform
	"192.0.0.192",     // Oracle
	"fd00:ec2::254",   // AWS
	"fd00:ec2::23",    // AWS, pods of EKS
	"fd20:ce::254",    // Google
)

func addrs(texts ...string) map[netip.Addr]bool {
	all := make(map[netip.Addr]bool, len(texts))
	for _, text := range texts {
		all[netip.MustParseAddr(text)] = true
	}
	return all
}
