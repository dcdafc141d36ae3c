#!/bin/bash
# Local processes on one node; no MPI is needed. Submit: sbatch scripts/slurm/one_node.sh PLAN FOLDER
#SBATCH --job-name=moire
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=32
#SBATCH --mem=64G
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60
workers=8
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / workers))
exec moire sweep "$1" --output "$2" --no-mpi --workers $workers
