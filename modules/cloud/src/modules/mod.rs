//! Task modules.
