#!/usr/bin/env bash
# Deploys real_app.yaml as a new version and moves the traffic to it once it is ready: deploy/deploy.sh PROJECT VERSION
# The first instance of the new version applies the migrations before it becomes ready. If anything fails, the old version
# keeps the traffic.
set -euo pipefail
cd "$(dirname "$0")/.."

project=${1:?missing project} version=${2:?missing version name}
if grep -q '^[^#]*<' real_app.yaml; then
  echo 'real_app.yaml still contains placeholders: <...>' >&2
  exit 1
fi
service=$(sed -n "s/^service: *['\"]\{0,1\}\([a-z0-9-]*\).*/\1/p" real_app.yaml)
service=${service:-default}

# Before the deployment, as the first version of a service gets the traffic at once. Several versions may share it:
# one line each, the name and the share.
serving=$(gcloud app versions list --service="$service" --project="$project" --filter='traffic_split>0' \
  --format='value(id,traffic_split)')
splits=$(awk -v new="$version" 'NF && $1 != new { printf "%s%s=%s", n++ ? "," : "", $1, $2 }' <<<"$serving")

gcloud app deploy real_app.yaml --project="$project" --version="$version" --no-promote --no-stop-previous-version --quiet

url=$(gcloud app versions describe "$version" --service="$service" --project="$project" --format='value(versionUrl)')
# ready means that the database responds and has all migrations
curl --fail --silent --show-error --max-time 10 --retry 30 --retry-delay 5 --retry-all-errors --output /dev/null "$url/readyz"

gcloud app services set-traffic "$service" --splits="$version=1" --project="$project" --quiet
echo "$version receives the traffic."
if [ -n "$splits" ]; then
  echo 'To roll back:'
  # --split-by: without it, gcloud asks how to split between several versions
  echo "  gcloud app services set-traffic $service --splits=$splits --split-by=ip --project=$project --quiet"
else
  echo 'No other version had the traffic before, so there is none to roll back to.'
fi
