#!/bin/bash
# Eight independent jobs share one results folder; no MPI. Submit: sbatch scripts/slurm/array.sh PLAN FOLDER
#SBATCH --job-name=moire
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
exec moire sweep "$1" --output "$2" --no-mpi --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
