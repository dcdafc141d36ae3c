#!/bin/bash
# A sweep longer than the time limit: it is terminated a minute before, and queued again until it is finished.
# Submit: sbatch scripts/slurm/requeue.sh PLAN FOLDER
#SBATCH --job-name=moire
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
trap 'kill -TERM $(jobs -p)' TERM # bash runs a trap between commands: the sweep is in the background
moire sweep "$1" --output "$2" --no-mpi &
sweep=$!
wait $sweep
code=$?
[ $code -gt 128 ] && kill -0 $sweep 2>/dev/null && { wait $sweep; code=$?; }
if [ $code -eq 143 ]; then # terminated; a point that failed (1) or a wrong plan (2) would fail again
  scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
