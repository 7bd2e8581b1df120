package kubernetes_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"redrive/pkg/egress"
)

// policiesOf returns the policies of a direction that select a workload's pods.
func policiesOf(t *testing.T, all objects, name string, direction networkingv1.PolicyType) (found []*networkingv1.NetworkPolicy) {
	t.Helper()
	for _, policy := range list[*networkingv1.NetworkPolicy](all) {
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		require.NoError(t, err)
		if !selector.Matches(labels.Set(templates(all)[name].Labels)) {
			continue
		}
		for _, of := range policy.Spec.PolicyTypes {
			if of == direction {
				found = append(found, policy)
			}
		}
	}
	return found
}

// destinations lists what a workload's pods may reach: peers with their ports.
func destinations(t *testing.T, all objects, name string) (found []string) {
	t.Helper()
	for _, policy := range policiesOf(t, all, name, networkingv1.PolicyTypeEgress) {
		for _, rule := range policy.Spec.Egress {
			require.NotEmpty(t, rule.To, "a rule without peers allows all of them")
			for _, peer := range rule.To {
				for _, port := range rule.Ports {
					found = append(found, describe(t, peer)+describePort(port))
				}
			}
		}
	}
	return found
}

func describe(t *testing.T, peer networkingv1.NetworkPolicyPeer) string {
	t.Helper()
	if peer.IPBlock != nil {
		return peer.IPBlock.CIDR
	}
	require.NotNil(t, peer.NamespaceSelector)
	require.NotNil(t, peer.PodSelector)
	return fmt.Sprint(peer.NamespaceSelector.MatchLabels[corev1.LabelMetadataName], "/", firstOf(peer.PodSelector.MatchLabels))
}

func firstOf(values map[string]string) (value string) {
	for _, value = range values {
		return value
	}
	return ""
}

func describePort(port networkingv1.NetworkPolicyPort) string {
	if port.Port == nil {
		return " " + string(*port.Protocol)
	}
	return " " + string(*port.Protocol) + " " + port.Port.String()
}

func TestPodsReachWhatTheyNeedAndNoMore(t *testing.T) {
	names := []string{"kube-system/kube-dns UDP 53", "kube-system/kube-dns TCP 53"}
	database, redis := "redrive-data/postgresql TCP 5432", "redrive-data/redis TCP 6379"
	for _, path := range builds {
		all := build(t, path)
		assert.ElementsMatch(t, append(names, database), destinations(t, all, "redrive-migrate"))
		assert.ElementsMatch(t, append(names, database, redis), destinations(t, all, "redrive-api"))
		assert.ElementsMatch(t, append(names, database, redis, "0.0.0.0/0 TCP", "2000::/3 TCP"), destinations(t, all, "redrive-dispatcher"))
	}
}

// TestReceiversAreThoseOfTheGuard compares the policy with the guard at both ends of every range and just outside.
func TestReceiversAreThoseOfTheGuard(t *testing.T) {
	guard := egress.New(egress.Config{})
	for _, path := range builds {
		var blocks []networkingv1.IPBlock
		for _, policy := range policiesOf(t, build(t, path), "redrive-dispatcher", networkingv1.PolicyTypeEgress) {
			for _, rule := range policy.Spec.Egress {
				for _, peer := range rule.To {
					if peer.IPBlock != nil {
						blocks = append(blocks, *peer.IPBlock)
					}
				}
			}
		}
		require.Len(t, blocks, 2)
		for _, addr := range boundaries(t, blocks) {
			assert.Equal(t, guard.CheckAddr(addr) == nil, allowed(blocks, addr), "%s: %v", addr, guard.CheckAddr(addr))
		}
		for _, metadata := range []string{"169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"} {
			assert.False(t, allowed(blocks, netip.MustParseAddr(metadata)), metadata)
		}
		for _, public := range []string{"1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"} {
			assert.True(t, allowed(blocks, netip.MustParseAddr(public)), public)
		}
	}
}

func allowed(blocks []networkingv1.IPBlock, addr netip.Addr) bool {
	for _, block := range blocks {
		if !netip.MustParsePrefix(block.CIDR).Contains(addr) {
			continue
		}
		excepted := false
		for _, except := range block.Except {
			excepted = excepted || netip.MustParsePrefix(except).Contains(addr)
		}
		if !excepted {
			return true
		}
	}
	return false
}

// boundaries returns the first and the last address of every range, and those before and after.
func boundaries(t *testing.T, blocks []networkingv1.IPBlock) (addresses []netip.Addr) {
	t.Helper()
	for _, block := range blocks {
		whole := netip.MustParsePrefix(block.CIDR)
		for _, text := range append([]string{block.CIDR}, block.Except...) {
			prefix := netip.MustParsePrefix(text)
			assert.Equal(t, prefix.Masked(), prefix, "a cluster refuses others")
			assert.True(t, whole.Contains(prefix.Addr()) && prefix.Bits() >= whole.Bits(), text)
			first, last := prefix.Addr(), lastOf(prefix)
			for _, addr := range []netip.Addr{first, first.Prev(), last, last.Next()} {
				if addr.IsValid() {
					addresses = append(addresses, addr)
				}
			}
		}
	}
	return addresses
}

func lastOf(prefix netip.Prefix) netip.Addr {
	raw := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

// sources lists which namespaces may connect to a workload's ports; "" is every client.
func sources(t *testing.T, all objects, name string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	policies := policiesOf(t, all, name, networkingv1.PolicyTypeIngress)
	require.NotEmpty(t, policies, "without a policy every port of %s is open", name)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Ingress {
			require.NotEmpty(t, rule.Ports, "a rule without ports opens all of them")
			for _, port := range rule.Ports {
				from := []string{""}
				if len(rule.From) > 0 {
					from = nil
				}
				for _, peer := range rule.From {
					from = append(from, peer.NamespaceSelector.MatchLabels[corev1.LabelMetadataName])
				}
				found[port.Port.String()] = append(found[port.Port.String()], from...)
			}
		}
	}
	return found
}

func TestPortsAreOpenForThoseWhoUseThem(t *testing.T) {
	assert.Equal(t, map[string][]string{"8080": {""}}, sources(t, build(t, base), "redrive-api"))
	assert.Empty(t, sources(t, build(t, base), "redrive-dispatcher"))
	assert.Empty(t, sources(t, build(t, base), "redrive-migrate"))
	assert.Equal(t, map[string][]string{"8080": {"ingress-nginx"}}, sources(t, build(t, small), "redrive-api"))

	watched := build(t, monitoring)
	for _, name := range []string{"redrive-api", "redrive-dispatcher"} {
		port := fmt.Sprint(portsOf(templates(watched)[name])["ops"])
		assert.Equal(t, []string{"monitoring"}, sources(t, watched, name)[port], name)
	}
}
