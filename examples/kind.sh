#!/usr/bin/env bash
# Creates a kind cluster whose network plugin enforces policies, and runs the README's example: proven, violated, proven again.
# Needs Docker, kind 0.24 or newer, kubectl and Helm. `kind delete cluster --name netproof` removes all of it.
#
#   examples/kind.sh IMAGE     IMAGE: netproof's image, built already
#   PLUGIN=calico              instead of kind's own plugin, kindnet
#   KUBERNETES=1.29            instead of the newest
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:?usage: examples/kind.sh IMAGE}
name=netproof
# renovate: datasource=github-releases depName=projectcalico/calico
calico=v3.31.4

for tool in docker kind kubectl helm; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: see https://kind.sigs.k8s.io/docs/user/quick-start/" >&2; exit 2; }
done
case ${KUBERNETES:-1.35} in
  1.29) node=kindest/node:v1.29.14@sha256:8703bd94ee24e51b778d5556ae310c6c0fa67d761fae6379c8e0bb480e6fea29 ;;
  1.35) node=kindest/node:v1.35.0@sha256:452d707d4862f52530247495d180205e029056831160e22870e37e3f6c1ac31f ;;
  *) echo "KUBERNETES is 1.29 or 1.35, not '$KUBERNETES'" >&2; exit 2 ;;
esac
case ${PLUGIN:-kindnet} in
  kindnet) own=true ;;
  calico) own=false ;;
  *) echo "PLUGIN is kindnet or calico, not '$PLUGIN'" >&2; exit 2 ;;
esac
step() { printf '\n== %s\n' "$1"; }
k() { kubectl --context "kind-$name" -n shop "$@"; }

step 'A cluster'
if kind get clusters 2>/dev/null | grep -qx "$name"; then
  echo "There is one already."
else
  $own && disable=false || disable=true
  kind create cluster --name "$name" --image "$node" --config - <<YAML
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {disableDefaultCNI: $disable, podSubnet: 192.168.0.0/16}
YAML
  $own || kubectl --context "kind-$name" apply --server-side -f \
    "https://raw.githubusercontent.com/projectcalico/calico/$calico/manifests/calico.yaml"
fi
kubectl --context "kind-$name" wait --for=condition=Ready node --all --timeout=5m
kind load docker-image --name "$name" "$image"

step 'A shop, its policy, and netproof'
kubectl --context "kind-$name" create namespace shop --dry-run=client -o yaml | kubectl --context "kind-$name" apply -f -
k apply -f examples/shop.yaml
k wait --for=condition=Available deployment --all --timeout=5m
helm upgrade --install netproof ./chart --kube-context "kind-$name" -n shop -f examples/values.yaml \
  --set notifications.existingSecret= \
  --set-string "image.registry=,image.repository=${image%:*},image.tag=${image##*:}"

run=$(date +%s)
step 'The policy holds: both Jobs complete'
k create job --from=cronjob/netproof "holds-$run"
k create job --from=cronjob/netproof-control "control-$run"
k wait --for=condition=Complete "job/holds-$run" "job/control-$run" --timeout=3m

step 'The policy is gone: the Job fails'
k delete networkpolicy db
k create job --from=cronjob/netproof "gone-$run"
k wait --for=condition=Failed "job/gone-$run" --timeout=3m
k logs "job/gone-$run"

step 'The policy is back: the Job completes'
k apply -f examples/shop.yaml
k create job --from=cronjob/netproof "back-$run"
k wait --for=condition=Complete "job/back-$run" --timeout=3m
k get jobs
